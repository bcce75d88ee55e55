
"use strict";
(() => {
  const findings = [...document.querySelectorAll(".finding")];
  const filters = document.getElementById("filters");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const boxes = [...filters.querySelectorAll("input[type=checkbox]")];
  const texts = new Map(findings.map((finding) => [finding, finding.textContent.toLowerCase()]));

  const isShown = (finding) => !finding.parentElement.hidden;

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const off = boxes.filter((box) => !box.checked);
    for (const finding of findings) {
      const found = words.every((word) => texts.get(finding).includes(word));
      const wanted = off.every((box) => finding.dataset[box.name] !== box.value);
      finding.parentElement.hidden = !(found && wanted);
    }
    const count = findings.filter(isShown).length;
    shown.textContent = `${count} of ${findings.length} shown`;
  }

  function clear() {
    search.value = "";
    for (const box of boxes) box.checked = true;
    filter();
  }

  function openOrCloseAll() {
    const some = findings.filter(isShown);
    const open = some.some((finding) => !finding.open);
    for (const finding of some) finding.open = open;
  }

  function move(by) {
    const some = findings.filter(isShown);
    if (!some.length) return;
    const here = some.indexOf(document.activeElement?.closest?.(".finding"));
    const next = here < 0 ? (by > 0 ? 0 : some.length - 1) : here + by;
    const finding = some[Math.max(0, Math.min(some.length - 1, next))];
    finding.querySelector("summary").focus({ preventScroll: true });
    finding.scrollIntoView({ block: "start" });
  }

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.classList.contains("finding")) return;
    if (!isShown(target)) clear();
    target.open = true;
    target.scrollIntoView({ block: "start" });
  }

  function changeTheme() {
    const root = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme ?? dark) === "dark" ? "light" : "dark";
  }

  const keys = {
    "/": () => search.focus(),
    j: () => move(1),
    k: () => move(-1),
    e: openOrCloseAll,
    Escape: clear,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === search;
    if (typing && event.key !== "Escape") return;
    if (typing) search.blur();
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", filter);
  document.getElementById("all").addEventListener("click", openOrCloseAll);
  document.getElementById("theme").addEventListener("click", changeTheme);
  addEventListener("hashchange", openTarget);
  addEventListener("beforeprint", () => findings.forEach((finding) => { finding.open = true; }));

  filters.hidden = !findings.length;
  filter();
  openTarget();
})();
