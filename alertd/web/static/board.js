// The board's heat grid: its cells change by their states alone, nothing is drawn anew.
"use strict";

(() => {
  if (!live) return;
  const words = {};
  for (const item of document.querySelectorAll("#cell-words li")) words[item.dataset.state] = item.textContent;
  // A page drawn while the alert was still being written down lacks grids: it is drawn anew, but
  // never under somebody's hands and never at every turn.
  const REDRAW_MS = 5_000;
  const SIGNS = { help: "▲", silent: "✕", vacant: "⊘", waiting: "○", covered: "●", unasked: "·" };

  // Whether the page has that grid.
  function showCell(code, state, answered) {
    const place = document.querySelector(`[data-grid="${code}"]`);
    if (!place) return false;
    const text = `${place.dataset.name}: ${words[state]}, ${answered}`;
    if (place.title !== text) {
      place.dataset.state = state;
      place.title = text;
      place.setAttribute("aria-label", text);
      const spot = document.querySelector(`[data-spot="${code}"]`);
      if (spot) {
        spot.dataset.state = state;
        spot.textContent = SIGNS[state];
      }
    }
    return true;
  }

  live.onParts((fresh) => {
    const cells = fresh.getElementById("cells");
    if (!cells) return;
    let whole = true;
    for (const town of cells.children) {
      const place = document.querySelector(`[data-town="${town.dataset.townCode}"]`);
      if (place) place.textContent = town.dataset.now;
      for (const cell of town.textContent.split(";")) {
        const [code, state, answered] = cell.trim().split(" ");
        if (code) whole = showCell(code, state, answered) && whole;
      }
    }
    const state = document.querySelector(`#state-words [data-state="${cells.dataset.alertState}"]`);
    if (state) document.getElementById("state").textContent = state.textContent;
    const board = document.getElementById("board");
    if (!whole && performance.now() > REDRAW_MS && !live.busy(board)) location.reload();
  });
})();
