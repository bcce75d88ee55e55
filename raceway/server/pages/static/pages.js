"use strict";
(() => {
  const root = document.documentElement;

  class ThemeButton extends HTMLElement {
    connectedCallback() {
      this.hidden = false;
      this.querySelector("button").addEventListener("click", () => {
        const dark = root.dataset.theme
          ? root.dataset.theme === "dark"
          : matchMedia("(prefers-color-scheme: dark)").matches;
        root.dataset.theme = dark ? "light" : "dark";
        try { localStorage.setItem("theme", root.dataset.theme); } catch { /* no storage */ }
      });
    }
  }

  class CopyMarkdown extends HTMLElement {
    connectedCallback() {
      const button = this.querySelector("button");
      this.hidden = false;
      button.addEventListener("click", async () => {
        const text = await (await fetch(this.getAttribute("href"))).text();
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch {
          location.href = this.getAttribute("href");
        }
      });
    }
  }

  // Tells the parts of the page that want to know that something was found, or came in.
  class LiveUpdates extends HTMLElement {
    connectedCallback() {
      // What the page was made of; what is new since then makes it old.
      const known = { change: this.getAttribute("change"), stored: this.getAttribute("stored") };
      this.source = new EventSource("/live");
      for (const [kind, told] of [["change", "found"], ["stored", "stored"]]) {
        this.source.addEventListener(kind, (event) => {
          if (known[kind] !== event.data) htmx.trigger(document.body, told);
          known[kind] = event.data;
        });
      }
      addEventListener("pagehide", () => this.source.close());
    }
    disconnectedCallback() { this.source.close(); }
  }

  // A part of a page that is read again when events came in; not while somebody is in it.
  class LivePart extends HTMLElement {
    connectedCallback() {
      this.renew = async () => {
        this.old = true;
        if (this.busy || document.hidden || this.contains(document.activeElement)
          || !getSelection().isCollapsed) return;
        this.busy = true;
        this.old = false;
        try {
          const answer = await fetch(location.href, { headers: { accept: "text/html" } });
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.getElementById(this.id);
          if (answer.ok && fresh && fresh.innerHTML !== this.innerHTML) {
            this.replaceChildren(...fresh.childNodes);
          }
        } catch { /* the server is not there: what is shown stays */ }
        this.busy = false;
        this.catchUp();
      };
      // What was told while somebody was in it, or it was read, is read as soon as may be.
      this.catchUp = () => { if (this.old) setTimeout(() => { if (this.old) this.renew(); }); };
      document.body.addEventListener("stored", this.renew);
      LivePart.occasions.forEach((name) => document.addEventListener(name, this.catchUp));
    }
    disconnectedCallback() {
      document.body.removeEventListener("stored", this.renew);
      LivePart.occasions.forEach((name) => document.removeEventListener(name, this.catchUp));
    }
    static occasions = ["visibilitychange", "focusout", "selectionchange"];
  }

  // Says how many findings have come since the page was loaded, marks them, and shows only them.
  class NewFindings extends HTMLElement {
    connectedCallback() {
      const rows = () => [...document.querySelectorAll("#list .row")];
      const name = (row) => row.querySelector("h2 a").id;
      const known = new Set(rows().map(name));
      const [only, seen] = this.querySelectorAll("button");
      const look = () => {
        const fresh = rows().filter((row) => !known.has(name(row)));
        fresh.forEach((row) => {
          row.classList.add("new");
          const group = row.closest("details");
          if (group) group.open = true;
        });
        const alone = fresh.length > 0 && only.getAttribute("aria-pressed") === "true";
        only.setAttribute("aria-pressed", alone);
        document.getElementById("list").classList.toggle("only-new", alone);
        this.hidden = !fresh.length;
        const text = `${fresh.length} new ${fresh.length === 1 ? "finding" : "findings"}`;
        this.querySelector("span").textContent = `${text} since you opened this page`;
        document.title = document.title.replace(/^(\(\d+ new\) )?/, this.hidden ? "" : `(${fresh.length} new) `);
      };
      this.look = look;
      only.addEventListener("click", () => {
        only.setAttribute("aria-pressed", only.getAttribute("aria-pressed") !== "true");
        look();
      });
      seen.addEventListener("click", () => {
        rows().forEach((row) => { known.add(name(row)); row.classList.remove("new"); });
        look();
      });
      document.body.addEventListener("htmx:afterSettle", look);
    }
    disconnectedCallback() { document.body.removeEventListener("htmx:afterSettle", this.look); }
  }

  // A list that is read again keeps open what is open.
  let opened = [];
  document.body.addEventListener("htmx:beforeSwap", () => {
    opened = [...document.querySelectorAll("#list details[open]")].map((group) => group.id);
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    opened.map((id) => document.getElementById(id)).forEach((group) => { if (group) group.open = true; });
  });

  customElements.define("new-findings", NewFindings);
  customElements.define("live-part", LivePart);
  customElements.define("theme-button", ThemeButton);
  customElements.define("copy-markdown", CopyMarkdown);
  customElements.define("live-updates", LiveUpdates);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (typing && event.key !== "Escape") return;
    const links = [...document.querySelectorAll(".rows .row h2 a")]
      .filter((link) => link.checkVisibility());
    const at = links.indexOf(document.activeElement);
    if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) { search.focus(); event.preventDefault(); }
    } else if (event.key === "Escape") {
      event.target.blur();
    } else if (event.key === "j" && links.length) {
      links[Math.min(at + 1, links.length - 1)].focus();
    } else if (event.key === "k" && links.length) {
      links[Math.max(at - 1, 0)].focus();
    }
  });
})();
