"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const byId = (id) => document.getElementById(id);

  byId("theme")?.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".copy");
    if (!button) return;
    const text = button.parentElement.parentElement.querySelector(".curl");
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Selected";
    }
  });

  const openNamed = () => {
    const named = location.hash.length > 1 && byId(location.hash.slice(1));
    if (named && named.tagName === "DETAILS") named.open = true;
  };
  addEventListener("hashchange", openNamed);
  openNamed();

  const filters = byId("filters");
  if (!filters) return;
  filters.hidden = false;
  filters.addEventListener("submit", (event) => event.preventDefault());

  const rows = [...document.querySelectorAll(".row")];
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const chips = [...filters.querySelectorAll("[data-verdict]")];
  const chosen = (id) => byId(id).value;
  const within = (area, wanted) => !wanted || area === wanted || area.startsWith(wanted + ".");

  const apply = () => {
    const verdicts = chips.filter((c) => c.ariaPressed === "true").map((c) => c.dataset.verdict);
    const words = chosen("search").toLowerCase().split(/\s+/).filter(Boolean);
    const [area, level, severity] = ["area", "level", "severity"].map(chosen);
    const counts = { finding: 0, requirement: 0 };
    for (const row of rows) {
      const data = row.dataset;
      const fits =
        (!verdicts.length || verdicts.includes(data.verdict)) &&
        within(data.area, area) &&
        (!level || data.level === level) &&
        (!severity || data.severity === severity) &&
        (!words.length || words.every((word) => textOf(row).includes(word)));
      row.hidden = !fits;
      counts[row.tagName === "DETAILS" ? "finding" : "requirement"] += fits;
    }
    byId("shown").textContent = `${counts.finding} findings, ${counts.requirement} requirements`;
  };

  let waiting;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
      apply();
    });
  }
  for (const id of ["area", "level", "severity"]) byId(id).addEventListener("change", apply);
  byId("clear").addEventListener("click", () => {
    filters.reset();
    for (const chip of chips) chip.ariaPressed = "false";
    apply();
  });
  for (const button of document.querySelectorAll("button.area")) {
    button.addEventListener("click", () => {
      byId("area").value = button.dataset.area;
      apply();
      filters.scrollIntoView();
    });
  }
  apply();
})();
