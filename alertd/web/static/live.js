// Keeps a page alive: facts wake it, silence for ten seconds is said in words, times count, and a
// call for help that nobody has taken is heard. The page says in #live where to ask.
"use strict";

const live = (() => {
  const STALLED_MS = 10_000;
  const AGAIN_MS = 2_000;
  const ONE_PRESS_MS = 1_000;
  const MELDED = ["SECTION", "TABLE", "TBODY", "UL", "OL"]; // in which every piece goes on by itself
  const place = document.getElementById("live");
  if (!place) return null;
  const pace = Number(place.dataset.pace) || 1000;
  const english = document.documentElement.lang === "en";
  const listeners = [];
  let ahead = Number(place.dataset.now) - Date.now(); // the node's time against this browser's
  let heardAt = Date.now();
  let cursor = "";
  let stream = null;
  let openedAt = 0;
  let readAt = Date.now();
  let slowAt = 0;
  let wanted = false;
  let reading = false;

  const now = () => Date.now() + ahead;
  // On the city's clock, wherever the reader sits.
  const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB", { timeZone: place.dataset.zone });

  function since(ms) {
    const seconds = Math.max(0, Math.floor((now() - ms) / 1000));
    if (seconds < 60) return english ? `${seconds} s` : `${seconds}秒`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 120) return english ? `${minutes} min` : `${minutes}分钟`;
    return english ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)}小时`;
  }

  function until(ms) {
    const seconds = Math.ceil((ms - now()) / 1000);
    if (seconds <= 0) return place.dataset.due;
    return `${place.dataset.in} ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  function count(root) {
    for (const time of root.querySelectorAll("time[data-since]")) show(time, since(Number(time.dataset.since)));
    for (const time of root.querySelectorAll("time[data-until]")) show(time, until(Number(time.dataset.until)));
    const wall = root.querySelector("time.clock");
    if (wall) show(wall, clock(now()));
  }

  function show(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // Whether somebody is filling in a form there now.
  function atWork(section) {
    const active = document.activeElement;
    return Boolean(active) && section.contains(active) && ["INPUT", "SELECT", "TEXTAREA"].includes(active.tagName);
  }

  function busy(section) {
    return atWork(section) || Array.from(section.querySelectorAll("input:not([type=hidden])")).some((field) => ticks(field) ? field.checked : field.value !== "");
  }

  // A box to tick has its value whether it is ticked or not.
  function ticks(field) {
    return field.type === "checkbox";
  }

  // What a form is about, however often it is drawn anew.
  function about(form) {
    const named = Array.from(form.querySelectorAll("[name=unit_code], [name=role], [name=person_id]"), (field) => field.value);
    return [form.getAttribute("action"), ...named].join(" ");
  }

  function fields(section) {
    return Array.from(section.querySelectorAll("input:not([type=hidden]), select, textarea")).filter((field) => field.form);
  }

  function named(field) {
    return `${about(field.form)} ${field.name}`;
  }

  function touched(field) {
    if (ticks(field)) return field.checked !== field.defaultChecked;
    if (field.nodeName !== "SELECT") return field.value !== field.defaultValue;
    return field.selectedIndex > 0 && !field.options[field.selectedIndex].defaultSelected;
  }

  // What somebody has filled in, so that it outlives what is drawn anew around it. A board has
  // hundreds of forms that nobody has touched: those cost a look and no more.
  function filled(section) {
    return fields(section).filter(touched).map((field) => [field, named(field)]);
  }

  function putBack(section, before) {
    if (before.length === 0) return;
    const fresh = new Map(fields(section).map((field) => [named(field), field]));
    for (const [field, name] of before) {
      const place = fresh.get(name);
      if (!place || place === field) continue;
      if (ticks(field)) place.checked = field.checked;
      else if (field.value !== "") place.value = field.value;
    }
  }

  // Where the keyboard was: what is drawn anew must not take it away.
  function pathOf(element) {
    const form = element.closest("form");
    if (!form) return element.getAttribute("href") ? `a[href="${element.getAttribute("href")}"]` : "";
    const key = form.querySelector("[name=unit_code], [name=person_id]");
    return key ? `form[action="${form.getAttribute("action")}"] [name=${key.name}][value="${key.value}"] ~ button:enabled` : `form[action="${form.getAttribute("action")}"] button:enabled`;
  }

  // The row there that says the same, but once: two that say the same are two.
  function taken(rows, node) {
    const row = rows.get(node.outerHTML);
    rows.delete(node.outerHTML);
    return row || node;
  }

  // The piece that somebody is at work in, where what is drawn anew has one for the same: that one
  // stays under their hands, and everything around it goes on. A new call for help can't wait.
  function underHands(before) {
    const held = before.find((node) => node.nodeType === Node.ELEMENT_NODE && !MELDED.includes(node.nodeName) && atWork(node));
    const form = held && document.activeElement.form;
    const fits = (node) => node.nodeName === held.nodeName && Array.from(node.querySelectorAll("form")).some((each) => about(each) === about(form));
    return (node) => (form && fits(node) ? held : null);
  }

  // What says the same stays as it is, most of all a list's rows: to lay them out anew would be most
  // of what a turn takes.
  function meld(old, fresh) {
    if (old.isEqualNode(fresh)) return old;
    if (old.nodeName !== fresh.nodeName || !MELDED.includes(old.nodeName)) return fresh;
    for (const { name } of Array.from(old.attributes)) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    const rows = old.nodeName === "SECTION" || old.nodeName === "TABLE" ? null : new Map(Array.from(old.children, (row) => [row.outerHTML, row]));
    const before = Array.from(old.childNodes);
    const held = underHands(before);
    const after = Array.from(fresh.childNodes, (node, at) => held(node) || (rows ? taken(rows, node) : before[at] ? meld(before[at], node) : node));
    for (const node of before) if (!after.includes(node)) node.remove();
    let next = old.firstChild;
    for (const node of after) {
      if (node === next) next = next.nextSibling;
      else old.insertBefore(node, next);
    }
    return old;
  }

  // Each part of the page has its place, whatever the order in which parts come.
  function showParts(html, only) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    // Parts are made once for all boards; what makes their forms this session's is the page's.
    for (const field of fresh.querySelectorAll("input[name=csrf]")) field.value = place.dataset.csrf;
    count(fresh);
    count(document);
    for (const spot of document.querySelectorAll(only || "[data-part]:not([data-slow])")) {
      const part = fresh.getElementById(spot.dataset.part);
      const before = filled(spot);
      const opened = Array.from(spot.querySelectorAll("details[open]")).length > 0;
      if (part && opened) part.querySelector("details")?.setAttribute("open", "");
      const active = document.activeElement;
      const back = active && spot.contains(active) ? pathOf(active) : "";
      const shown = spot.firstElementChild;
      const next = part && shown ? meld(shown, part) : part;
      if (next !== shown) spot.replaceChildren(...(next ? [next] : []));
      putBack(spot, before);
      if (back && document.activeElement !== active) spot.querySelector(back)?.focus();
    }
    listen();
    return fresh;
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
      const fresh = showParts(await (await get(place.dataset.parts)).text());
      for (const listener of listeners) listener(fresh);
      const asOf = document.getElementById("as-of");
      if (asOf) asOf.textContent = clock(now());
    } catch (error) {
      wanted = true; // the next turn tries again; silence is told by the stall below
    } finally {
      reading = false;
    }
  }

  // What takes its time (gateways are asked how they are) is asked for apart.
  async function readSlowly() {
    slowAt = Date.now();
    for (const spot of document.querySelectorAll("[data-slow]")) {
      try {
        const html = await (await get(spot.dataset.slow)).text();
        showParts(html, `[data-slow="${spot.dataset.slow}"]`);
      } catch (error) { /* the stall says it */ }
    }
  }

  function heard(event) {
    heardAt = Date.now();
    if (event.lastEventId) cursor = event.lastEventId;
    wanted = true;
    const stalled = document.getElementById("stalled");
    if (stalled && !stalled.hidden) stalled.hidden = true;
  }

  // A browser comes back by itself behind its last event, but for one that was refused (a server
  // in the middle of a restart): that is opened anew, behind the same event.
  function open() {
    openedAt = Date.now();
    const joined = place.dataset.stream.includes("?") ? "&" : "?";
    const url = cursor ? `${place.dataset.stream}${joined}after=${encodeURIComponent(cursor)}` : place.dataset.stream;
    stream = new EventSource(url);
    stream.addEventListener("fact", heard);
    stream.addEventListener("beat", (event) => {
      ahead = JSON.parse(event.data).now - Date.now();
      heard(event); // loudspeakers and queues change without facts of this alert
    });
  }

  // Sound, which browsers allow only after somebody has pressed something.
  let sound = null;
  let rungAt = 0;

  function ring() {
    rungAt = Date.now();
    for (const [at, tone] of [[0, 880], [0.25, 660], [0.5, 880]]) {
      const voice = sound.createOscillator();
      const volume = sound.createGain();
      voice.frequency.value = tone;
      volume.gain.setValueAtTime(0.3, sound.currentTime + at);
      volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + at + 0.22);
      voice.connect(volume).connect(sound.destination);
      voice.start(sound.currentTime + at);
      voice.stop(sound.currentTime + at + 0.24);
    }
  }

  function listen() {
    const words = document.getElementById("silent-page");
    if (!words) return;
    const off = !sound || sound.state !== "running";
    words.hidden = !off;
    const crying = document.querySelectorAll("[data-untaken]").length;
    const title = document.title.replace(/^▲ \d+ · /, "");
    document.title = crying ? `▲ ${crying} · ${title}` : title;
    document.documentElement.dataset.ringing = String(crying > 0 && !off);
    if (crying && !off && Date.now() - rungAt > 4_000) ring();
  }

  document.getElementById("sound-on")?.addEventListener("click", async () => {
    sound = sound || new AudioContext();
    await sound.resume();
    ring(); // so that it is known how it sounds
    listen();
  });

  let pressed = "";
  let pressedAt = 0;

  // What is pressed is sent without leaving the page; what was refused is said.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    const calling = "call" in form.dataset;
    if (!calling && !form.closest("[data-part]")) return;
    event.preventDefault();
    const action = event.submitter?.getAttribute("formaction") || form.getAttribute("action");
    if (calling) return call(form, action);
    // A double click is one press: what is drawn anew between its halves asks for the next thing.
    const press = `${about(form)} ${action}`;
    if (press === pressed && Date.now() - pressedAt < ONE_PRESS_MS) return;
    pressed = press;
    pressedAt = Date.now();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(action, { method: "POST", body: fields, credentials: "same-origin", headers: { accept: "application/problem+json" } }).catch(() => null);
    wanted = true;
    readAt = 0;
    if (!answer?.ok) return refused(answer);
    for (const field of form.querySelectorAll("input:not([type=hidden])")) field.value = "";
    form.closest("details")?.removeAttribute("open");
  });

  // Nobody may take for done what wasn't, or what nobody knows of.
  async function refused(answer) {
    pressed = "";
    const problem = answer ? await answer.json().catch(() => ({})) : { detail: place.dataset.unheard };
    alert(problem.detail ? `${problem.detail} ${problem.hint || ""}` : place.dataset.refused);
    if (answer?.status === 401) location.reload();
  }

  // The number is shown beside the name and the telephone asked to dial it.
  async function call(form, action) {
    const fields = new URLSearchParams(new FormData(form));
    const answer = await fetch(action, { method: "POST", body: fields, credentials: "same-origin", headers: { accept: "text/html" } }).catch(() => null);
    if (!answer) return refused(null);
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("a[href^='tel:']");
    if (!answer.ok || !shown) {
      alert(place.dataset.refused);
      return;
    }
    form.replaceChildren(document.adoptNode(shown));
    shown.click();
  }

  open();
  listen();
  setInterval(() => {
    const at = Date.now();
    if (at - heardAt > STALLED_MS) {
      const stalled = document.getElementById("stalled");
      if (stalled?.hidden) {
        document.getElementById("stalled-since").textContent = clock(heardAt + ahead);
        stalled.hidden = false;
      }
    }
    if (stream.readyState === EventSource.CLOSED && at - openedAt > AGAIN_MS) open();
    if (wanted && !reading && at - readAt >= pace) read();
    if (at - slowAt > 5_000 && document.querySelector("[data-slow]")) readSlowly();
    count(document);
    listen();
  }, 250);

  return { busy, onParts: (listener) => listeners.push(listener) };
})();
