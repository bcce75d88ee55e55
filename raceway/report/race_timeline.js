"use strict";
// <race-timeline>: a run to look at.  Reads a JSON document (raceway-timeline/1) from its own
// script element or from the address in "src"; "focus" names the finding to begin with.
(() => {
  const { Model, View, lowest } = globalThis.raceTimeline;
  const MAP_HEIGHT = 34;

  function make(tag, attributes = {}, ...content) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") element.textContent = value;
      else if (value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...content);
    return element;
  }

  class RaceTimeline extends HTMLElement {
    async connectedCallback() {
      if (this.started) return;
      this.started = true;
      // Where there is no script, what stands in the element is all there is.
      this.table = this.querySelector("details");
      if (this.table) this.table.open = false;
      this.status = make("p", { class: "timeline-status", role: "status", text: "Loading …" });
      this.prepend(this.status);
      try {
        const own = this.querySelector("script[type='application/json']");
        const read = own ? JSON.parse(own.textContent) : await this._fetch();
        this.show(read);
      } catch (error) {
        this.status.textContent = `The timeline cannot be shown: ${error.message}`;
        if (this.table) this.table.open = true;
      }
    }

    async _fetch() {
      const answer = await fetch(this.getAttribute("src"), { headers: { accept: "application/json" } });
      const body = await answer.json();
      if (!body.success) throw new Error(body.error ?? `status ${answer.status}`);
      return body.data;
    }

    show(read) {
      this.model = new Model(read);
      if (!this.model.count) {
        this.status.textContent = "Nothing was recorded.";
        return;
      }
      this._build();
      this.view = new View(this.canvas, this.model);
      this._listen();
      this._size();
      const focus = this.model.findings.find((one) => one.id === this.getAttribute("focus"));
      const chosen = focus ?? this.model.findings.find((one) => one.events.length);
      if (chosen) this.choose(chosen);
      this.draw();
      this.dispatchEvent(new Event("ready"));
    }

    // ---------------------------------------------------------- pieces

    _build() {
      const { model } = this;
      const findings = model.findings.filter((one) => one.events.length);
      this.finding = make("select", { "aria-label": "Go to a finding" },
        make("option", { value: "", text: "go to finding …" }),
        ...findings.map((one) => make("option", { value: one.id, text: `${one.id} ${one.title}` })));
      this.variable = make("select", { "aria-label": "Variable with a row of its own" },
        make("option", { value: "", text: "row for variable …" }),
        ...model.variables().slice(0, 300).map((name) =>
          make("option", { value: name, text: model.texts[name] })));
      this.search = make("input", { type: "search", placeholder: "Only: variable, lock, call",
        "aria-label": "Show only what has this in its name", autocomplete: "off", spellcheck: "false" });
      const button = (text, label, act) => {
        const found = make("button", { type: "button", "aria-label": label, title: label, text });
        found.addEventListener("click", act);
        return found;
      };
      const box = (label, name) => {
        const input = make("input", { type: "checkbox" });
        input.addEventListener("change", () => { this.view[name] = input.checked; this.draw(); });
        this.boxes.push([input, name]);
        return make("label", {}, input, ` ${label}`);
      };
      this.boxes = [];
      this.bar = make("div", { class: "timeline-bar" },
        make("span", { class: "timeline-group" },
          button("−", "Zoom out", () => this._zoom(1.6)), button("+", "Zoom in", () => this._zoom(1 / 1.6)),
          button("Fit", "Show everything", () => { this.view.fit(); this.draw(); })),
        findings.length ? this.finding : "", this.variable, this.search,
        make("span", { class: "timeline-group" },
          box("arrows", "arrows"), box("only rows with something here", "onlyBusy")));
      this.map = make("canvas", { class: "timeline-map", "aria-hidden": "true" });
      this.canvas = make("canvas", { class: "timeline-canvas", tabindex: "0", role: "application",
        "aria-label": "Timeline. Arrow keys move, plus and minus zoom, comma and point go to the"
          + " event before and after, brackets to the access before and after, f and b along arrows." });
      this.details = make("div", { class: "timeline-details", "aria-live": "polite" });
      const keys = make("p", { class: "timeline-keys" });
      for (const [names, does] of [[["←", "→"], "move"], [["+", "−"], "zoom"], [["0"], "all"],
        [[",", "."], "event before, after"], [["[", "]"], "access of the variable before, after"],
        [["f", "b"], "along an arrow, and back"], [["Esc"], "let go"]]) {
        if (keys.childNodes.length) keys.append(", ");
        keys.append(...names.flatMap((name) => [make("kbd", { text: name }), " "]), does);
      }
      const legend = make("p", { class: "timeline-legend" });
      for (const [kind, does] of [["write", "write"], ["read", "read"], ["part", "part of a finding"],
        ["request", "request, query"], ["other", "start, wait"]]) {
        legend.append(make("span", { class: `swatch ${kind}` }), `${does} `);
      }
      this.status.after(this.bar, this.map, this.canvas, this.details, legend, keys);
      if (this.table) this.append(this.table);
      const cut = model.omitted ? `; ${model.omitted.toLocaleString("en")} before these are left out` : "";
      this.summary = `${model.count.toLocaleString("en")} events${cut}`;
      this.status.textContent = this.summary;
    }

    _listen() {
      const { canvas, view, model } = this;
      for (const [input, name] of this.boxes) input.checked = view[name];
      this.finding.addEventListener("change", () => {
        const found = model.findings.find((one) => one.id === this.finding.value);
        if (found) this.choose(found);
      });
      this.variable.addEventListener("change", () => {
        const name = this.variable.value;
        view.variable = name === "" ? null : model.variableRow(Number(name));
        this._size();
      });
      this.search.addEventListener("input", () => {
        const wanted = this.search.value.trim().toLowerCase();
        view.matches = wanted
          ? Uint8Array.from(model.texts, (text) => text.toLowerCase().includes(wanted)) : null;
        this.draw();
      });
      // A link beside what is told of a finding.
      document.addEventListener("click", (event) => {
        const link = event.target.closest?.("a[data-finding]");
        const found = model.findings.find((one) => one.id === link?.dataset.finding);
        if (found?.events.length) this.choose(found);
      });
      canvas.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
      canvas.addEventListener("keydown", (event) => this._key(event));
      this._pointers(canvas);
      this._mapPointer();
      new ResizeObserver(() => this._size()).observe(this);
      const repaint = () => { view.measure(); this.draw(); };
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
      new MutationObserver(repaint)
        .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    }

    _size() {
      const { view, canvas } = this;
      view.layout();
      const most = Math.max(300, Math.round(innerHeight * 0.62));
      canvas.style.height = `${Math.min(most, Math.max(140, view.total + 26))}px`;
      this.map.style.height = `${MAP_HEIGHT}px`;
      view.measure();
      this.counts = null;
      this.draw();
    }

    // ---------------------------------------------------------- drawing

    draw() {
      if (this.waiting) return;
      this.waiting = requestAnimationFrame(() => {
        this.waiting = 0;
        this.view.draw();
        this._drawMap();
        const { hidden } = this.view;
        const more = hidden ? `; ${hidden.toLocaleString("en")} arrows here: zoom in to see them` : "";
        if (this.status.textContent !== this.summary + more) this.status.textContent = this.summary + more;
      });
    }

    _drawMap() {
      const { map, model, view } = this;
      const ratio = devicePixelRatio || 1, width = map.clientWidth, c = map.getContext("2d");
      if (!this.counts || this.counts.length !== width) {
        this.counts = new Float64Array(width);
        for (let one = 0; one < model.count; one++) {
          const x = Math.floor((model.at[one] - model.begin) / (model.end - model.begin) * width);
          this.counts[Math.min(width - 1, x)]++;
        }
        this.most = this.counts.reduce((one, two) => Math.max(one, two), 1);
      }
      map.width = width * ratio;
      map.height = MAP_HEIGHT * ratio;
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      c.fillStyle = view.colours.code;
      c.fillRect(0, 0, width, MAP_HEIGHT);
      c.fillStyle = view.colours.dim;
      this.counts.forEach((count, x) => {
        const tall = count ? Math.max(2, Math.sqrt(count / this.most) * (MAP_HEIGHT - 6)) : 0;
        c.fillRect(x, MAP_HEIGHT - tall, 1, tall);
      });
      const place = (at) => (at - model.begin) / (model.end - model.begin) * width;
      c.fillStyle = view.colours.critical;
      for (const one of model.findingOf.keys()) c.fillRect(place(model.at[one]) - 1, 0, 2, MAP_HEIGHT);
      c.fillStyle = view.colours.link;
      c.globalAlpha = 0.18;
      const x = Math.max(0, place(view.left)), end = Math.min(width, place(view.right));
      c.fillRect(x, 0, Math.max(3, end - x), MAP_HEIGHT);
      c.globalAlpha = 1;
      c.strokeStyle = view.colours.link;
      c.strokeRect(x + 0.5, 0.5, Math.max(3, end - x) - 1, MAP_HEIGHT - 1);
    }

    // ---------------------------------------------------------- choosing

    choose(finding) {
      const { view, model } = this;
      this.finding.value = finding.id;
      if (finding.variable) {
        view.variable = model.variableRow(finding.variable);
        this.variable.value = String(finding.variable);
      }
      this._size();
      view.focus(finding.events);
      this.select(finding.events[0] ?? -1, false);
    }

    select(one, reveal = true) {
      const { view, model } = this;
      view.selected = one;
      this.details.replaceChildren();
      if (one >= 0) {
        this._tell(one);
        if (reveal) {
          if (model.at[one] < view.left || model.at[one] > view.right) {
            view.pan(model.at[one] - (view.left + view.right) / 2);
          }
          view.reveal(one);
        }
      }
      this.draw();
    }

    _tell(one) {
      const { model } = this, { texts } = model;
      const list = make("dl");
      const add = (name, ...content) => {
        if (content.some(Boolean)) list.append(make("dt", { text: name }), make("dd", {}, ...content));
      };
      const actor = model.actors[model.actor[one]];
      const hold = model.kindOf(one) === "hold";
      const ms = model.timeAt(model.at[one]);
      add("what", make("strong", { text: model.describe(one) }), texts[model.value[one]]
        ? ` ${texts[model.value[one]]}` : "");
      add("who", actor ? `${actor.name} (${actor.kind})` : "");
      add("where", texts[model.place[one]] && make("code", { text: texts[model.place[one]] }));
      if (model.kindOf(one) === "access") add("locks held", texts[model.held[one]] || "none");
      const until = model.length[one] ? ` to ${(model.at[one] + model.length[one]).toLocaleString("en")}` : "";
      add(model.ms ? "event" : "operation", `${model.at[one].toLocaleString("en")}${until}`,
        ms === null ? "" : `, ${ms.toFixed(3)} ms after the first`);
      if (!hold) this._tellOrder(one, add);
      for (const number of model.findingOf.get(one) ?? []) {
        const { id, title } = model.findings[number];
        const base = this.getAttribute("findings") ?? "#";
        add("finding", make("a", { href: base + encodeURIComponent(id), text: `${id} ${title}` }));
      }
      this.details.append(list);
    }

    _tellOrder(one, add) {
      const { model } = this;
      const links = (numbers, ends) => numbers.slice(0, 6).flatMap((number) => {
        const other = ends[number];
        const link = make("button", { type: "button", class: "timeline-link",
          text: `${model.describe(other)} by ${model.actors[model.actor[other]]?.name ?? "?"}` });
        link.addEventListener("click", () => this.select(other));
        return [link, " "];
      });
      add("comes after", ...links(model.incoming.get(one) ?? [], model.from));
      add("comes before", ...links(model.outgoing.get(one) ?? [], model.to));
    }

    // ---------------------------------------------------------- input

    _zoom(factor, at) {
      const { view, model } = this;
      const visible = view.selected >= 0 && model.at[view.selected] >= view.left
        && model.at[view.selected] <= view.right;
      view.zoom(factor, at ?? (visible ? model.at[view.selected] : undefined));
      this.draw();
    }

    _wheel(event) {
      // A page that is scrolled past the timeline goes on: only who has clicked it zooms.
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.canvas) return;
      event.preventDefault();
      const { view } = this;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        view.pan((event.deltaX || event.deltaY) / view.scale);
        this.draw();
      } else {
        this._zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) / 300),
          view.at(Math.max(view.gutter, event.offsetX)));
      }
    }

    _pointers(canvas) {
      const { view } = this;
      const down = new Map();
      let moved = 0, apart = 0;
      const distance = () => {
        const [one, two] = [...down.values()];
        return Math.max(10, Math.abs(one.x - two.x));
      };
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
        if (down.size === 1) moved = 0;
        if (down.size === 2) apart = distance();
      });
      canvas.addEventListener("pointermove", (event) => {
        const known = down.get(event.pointerId);
        if (!known) {
          canvas.style.cursor = view.hit(event.offsetX, event.offsetY) >= 0 ? "pointer" : "grab";
          return;
        }
        const x = event.offsetX - known.x, y = event.offsetY - known.y;
        moved += Math.abs(x) + Math.abs(y);
        Object.assign(known, { x: event.offsetX, y: event.offsetY });
        if (down.size === 2) {
          const now = distance(), [one, two] = [...down.values()];
          view.zoom(apart / now, view.at((one.x + two.x) / 2));
          apart = now;
        } else if (moved > 4) {
          canvas.style.cursor = "grabbing";
          view.pan(-x / view.scale);
          view.top -= y;
        }
        this.draw();
      });
      const up = (event) => {
        const single = down.size === 1;
        if (!down.delete(event.pointerId) || !single) return;
        if (event.type === "pointerup" && moved <= 4) {
          this.select(view.hit(event.offsetX, event.offsetY), false);
        }
        canvas.style.cursor = "grab";
      };
      canvas.addEventListener("pointerup", up);
      canvas.addEventListener("pointercancel", up);
    }

    _mapPointer() {
      const { map, view, model } = this;
      const go = (event) => {
        if (!event.buttons) return;
        map.setPointerCapture(event.pointerId);
        const at = model.begin + event.offsetX / map.clientWidth * (model.end - model.begin);
        view.pan(at - (view.left + view.right) / 2);
        this.draw();
      };
      map.addEventListener("pointerdown", go);
      map.addEventListener("pointermove", go);
    }

    _key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { view, model } = this, { selected } = view;
      const row = selected >= 0 ? model.rows[model.rowOf[selected]] : null;
      const along = (map, ends) => {
        const found = map.get(selected)?.[0];
        if (found !== undefined) this.select(ends[found]);
      };
      const actions = {
        ArrowLeft: () => view.pan(-view.span / 8), ArrowRight: () => view.pan(view.span / 8),
        ArrowUp: () => { view.top -= 48; }, ArrowDown: () => { view.top += 48; },
        "+": () => this._zoom(1 / 1.6), "=": () => this._zoom(1 / 1.6), "-": () => this._zoom(1.6),
        0: () => view.fit(), Home: () => view.pan(model.begin - view.left),
        End: () => view.pan(model.end - view.right),
        ",": () => this._step(row, -1), ".": () => this._step(row, 1),
        "[": () => this._stepVariable(-1), "]": () => this._stepVariable(1),
        f: () => along(model.outgoing, model.to), b: () => along(model.incoming, model.from),
        Escape: () => this.select(-1),
      };
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
      this.draw();
    }

    // The event before or after the one that is selected; the first one in sight if none is.
    _step(row, by) {
      const { view, model } = this;
      if (row) this.select(model.beside(row, view.selected, by));
      else this.select(Math.min(model.count - 1, lowest(model.at, view.left)));
    }

    _stepVariable(by) {
      const { view, model } = this;
      if (!view.variable) return;
      const row = view.variable, place = row.events.indexOf(view.selected);
      const near = lowest(row.begins, (view.left + view.right) / 2);
      this.select(place >= 0 ? model.beside(row, view.selected, by)
        : row.events[Math.min(row.events.length - 1, near)]);
    }
  }

  customElements.define("race-timeline", RaceTimeline);
})();
