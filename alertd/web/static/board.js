// Keeps the board fresh: facts wake it, at most twice a second; silence for ten seconds is said in words.
"use strict";

(() => {
  const LEAST_MS = 500;
  const STALLED_MS = 10_000;
  const board = document.getElementById("board");
  if (!board) return;
  const id = board.dataset.alert;
  const words = {};
  for (const item of document.querySelectorAll("#cell-words li")) words[item.dataset.state] = item.textContent;

  let heardAt = Date.now();
  let readAt = 0;
  let wanted = false;
  let reading = false;

  // On the city's clock, wherever the reader sits.
  const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB", { timeZone: board.dataset.zone });

  function showFigures(view) {
    const figures = view.board.funnel;
    for (const place of document.querySelectorAll("[data-figure]")) {
      const value = figures[place.dataset.figure];
      place.textContent = value === null || value === undefined ? "–" : String(value);
    }
    for (const stage of view.board.stages) {
      const place = document.querySelector(`[data-stage="${stage.stage}"]`);
      if (place) place.textContent = `${stage.covered}/${stage.needed}`;
    }
    document.getElementById("as-of").textContent = clock(view.now);
    const state = document.querySelector(`#state-words [data-state="${view.alert.state}"]`);
    if (state) document.getElementById("state").textContent = state.textContent;
  }

  // A page drawn while the alert was still being written down lacks grids: it is drawn anew, but
  // never under somebody's hands and never at every turn.
  const REDRAW_MS = 5_000;
  let drawnTooEarly = false;

  function showCells(cells) {
    for (const cell of cells) {
      const place = document.querySelector(`[data-grid="${cell.code}"]`);
      if (!place) {
        drawnTooEarly = true;
        continue;
      }
      place.dataset.state = cell.state;
      const text = `${place.dataset.name}: ${words[cell.state]}, ${cell.covered}/${cell.needed}`;
      place.title = text;
      place.firstElementChild.textContent = text;
    }
  }

  function showTowns(towns) {
    for (const town of towns) {
      const place = document.querySelector(`[data-town="${town.code}"]`);
      if (place) place.textContent = `${town.covered}/${town.needed}`;
    }
  }

  // A form that somebody is filling in stays as it is.
  function busy(section) {
    const active = document.activeElement;
    if (active && section.contains(active) && ["INPUT", "SELECT", "TEXTAREA"].includes(active.tagName)) return true;
    return Array.from(section.querySelectorAll("input:not([type=hidden])")).some((field) => field.value !== "");
  }

  // Each part of the page has its place, whatever the order in which parts come.
  function showParts(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const place of document.querySelectorAll("[data-part]")) {
      if (busy(place)) continue;
      const part = fresh.getElementById(place.dataset.part);
      if (part && place.querySelector("details[open]")) part.querySelector("details")?.setAttribute("open", "");
      place.replaceChildren(...(part ? [part] : []));
    }
  }

  async function get(url) {
    const answer = await fetch(url, { headers: { accept: "application/json, text/html" }, credentials: "same-origin" });
    if (answer.redirected || answer.status === 401 || answer.status === 403) {
      location.reload();
      throw new Error("signed out");
    }
    if (!answer.ok) throw new Error(String(answer.status));
    return answer;
  }

  async function read() {
    reading = true;
    wanted = false;
    readAt = Date.now();
    try {
      const api = `/api/v1/alerts/${id}`;
      const [view, cells, towns, lists] = await Promise.all([
        get(`${api}/board`).then((answer) => answer.json()),
        get(`${api}/cells?level=grid`).then((answer) => answer.json()),
        get(`${api}/cells?level=subdistrict`).then((answer) => answer.json()),
        get(`/alerts/${board.dataset.code}/lists`).then((answer) => answer.text()),
      ]);
      showFigures(view);
      showCells(cells);
      showTowns(towns);
      showParts(lists);
    } catch (error) {
      wanted = true; // the next beat tries again; silence is told by the stall below
    } finally {
      reading = false;
    }
  }

  function heard() {
    heardAt = Date.now();
    const stalled = document.getElementById("stalled");
    if (!stalled.hidden) {
      stalled.hidden = true;
      wanted = true;
    }
  }

  const stream = new EventSource(`/api/v1/events?alert=${id}`);
  stream.addEventListener("fact", () => { heard(); wanted = true; });
  stream.addEventListener("beat", () => { heard(); wanted = true; }); // waiting times grow by themselves

  setInterval(() => {
    const now = Date.now();
    if (now - heardAt > STALLED_MS) {
      document.getElementById("stalled-since").textContent = document.getElementById("as-of").textContent;
      document.getElementById("stalled").hidden = false;
      if (stream.readyState === EventSource.CLOSED) location.reload();
    }
    if (wanted && !reading && now - readAt >= LEAST_MS) read();
    if (drawnTooEarly && performance.now() > REDRAW_MS && !busy(board)) location.reload();
  }, 250);

  // Answers by hand are sent without leaving the page; what was refused is said.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.closest("[data-part]")) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin", headers: { accept: "application/problem+json" } });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      alert(problem.detail ? `${problem.detail} ${problem.hint || ""}` : board.dataset.refused);
    }
    for (const field of form.querySelectorAll("input:not([type=hidden])")) field.value = "";
    document.activeElement?.blur();
    wanted = true;
  });
})();
