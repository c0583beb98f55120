// One key says what a reply means: on the reply where the focus is, the first one at the start.
"use strict";

(() => {
  const list = document.getElementById("replies");
  if (!list) return;
  const rows = Array.from(list.children);
  const here = () => rows.find((row) => row.contains(document.activeElement)) || null;
  rows[0]?.focus();

  document.addEventListener("keydown", (event) => {
    // A key that is held down must not answer for the reply that comes up next, which nobody has read.
    if (event.repeat) return;
    const at = document.activeElement;
    const typing = at?.matches("input:not([type=checkbox]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = here();
    if (event.key === "j" || event.key === "k") {
      const next = rows.indexOf(row) + (event.key === "j" ? 1 : -1);
      rows[Math.max(0, Math.min(rows.length - 1, next))].focus();
      return;
    }
    row?.querySelector(`button[data-key="${CSS.escape(event.key)}"]`)?.click();
  });
})();
