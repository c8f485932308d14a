// Filters, folding and search. Without it all is unfolded and shown.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const papers = all("details.paper"), claims = all("[data-verdict]"), tools = document.getElementById("tools");
  const byId = (id) => document.getElementById(id);
  const wanted = new Set();
  tools.hidden = false;
  const apply = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const domain = byId("domain").value, terms = byId("terms").value;
    const surprises = byId("surprises").checked;
    const shown = new Set();
    for (const claim of claims) {
      const of = claim.dataset;
      const text = of.text ?? (of.text = (claim.textContent + " " + (claim.title ?? "")).toLowerCase());
      const paper = byId(of.paper), about = paper.dataset;
      const fits = (!wanted.size || wanted.has(of.verdict)) && (!domain || about.domain === domain) &&
        (!terms || of.terms === terms) && (!surprises || of.surprise === "yes") &&
        (claim.tagName === "A" || words.every((word) => text.includes(word) || about.title.includes(word)));
      const id = claim.tagName === "A" ? claim.hash.slice(1) : claim.id;
      if (claim.tagName !== "A" && fits) shown.add(id);
      claim.hidden = !fits;
    }
    for (const cell of all("a.cell")) cell.hidden = !shown.has(cell.hash.slice(1));
    for (const paper of papers) {
      const some = paper.querySelector("[data-verdict]:not([hidden])") !== null;
      paper.hidden = !some;
      byId("row-" + paper.id).hidden = !some;
    }
    byId("found").textContent = shown.size + (shown.size === 1 ? " claim" : " claims");
  };
  for (const chip of all(".counts button")) {
    chip.disabled = false;
    chip.addEventListener("click", () => {
      const verdict = chip.dataset.of, on = !wanted.has(verdict);
      if (on) wanted.add(verdict); else wanted.delete(verdict);
      chip.setAttribute("aria-pressed", on);
      apply();
    });
  }
  for (const tool of ["search", "domain", "terms", "surprises"]) byId(tool).addEventListener("input", apply);
  const fold = (open) => papers.forEach((paper) => { paper.open = open; });
  byId("unfold").addEventListener("click", () => fold(true));
  byId("fold").addEventListener("click", () => fold(false));
  const go = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const paper = target.closest("details.paper");
    if (paper) { paper.open = true; paper.hidden = false; }
    target.hidden = false;
    target.scrollIntoView();
  };
  addEventListener("hashchange", go);
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.hash === location.hash) go();
  });
  addEventListener("beforeprint", () => fold(true));
  if (papers.length > 1) fold(false);
  apply();
  go();
})();
