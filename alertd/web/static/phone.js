// Keeps what is tapped until it has arrived. For browsers of ten years ago over plain HTTP: no
// fetch, no worker. The page works without this file, too.
(function () {
  "use strict";
  var STORE = "alertd.taps", LATEST_MS = 60000, LOOK_MS = 30000;
  var memory = [], sending = false, wait = 2000, timer = null;
  var main = document.querySelector("main");

  function load() {
    try {
      return JSON.parse(window.localStorage.getItem(STORE) || "[]");
    } catch (e) {
      return memory;
    }
  }

  function save(taps) {
    memory = taps;
    try {
      window.localStorage.setItem(STORE, JSON.stringify(taps));
    } catch (e) { /* full, or not allowed: kept as long as the page is open */ }
    show(taps);
  }

  function two(n) { return (n < 10 ? "0" : "") + n; }

  function show(taps) {
    var list = document.getElementById("kept"), i, item, at;
    if (!list) { return; }
    list.innerHTML = "";
    for (i = 0; i < taps.length; i += 1) {
      item = document.createElement("li");
      at = new Date(taps[i].t);
      item.appendChild(document.createTextNode(
        taps[i].w + " " + two(at.getHours()) + ":" + two(at.getMinutes()) + " · " +
        main.getAttribute(taps[i].r ? "data-refused" : "data-kept")));
      list.appendChild(item);
    }
  }

  // Only what alertd itself answers has this header: a hotspot's sign-in page says 200, too.
  function ours(request) { return Boolean(request.getResponseHeader("X-Tap")); }

  function put(place, text) {
    var part = document.getElementById(place);
    if (part) { part.innerHTML = text; }
  }

  function ended(tap, request) {
    var taps = load(), kept = [], i, gone = false;
    var status = request.status;
    var taken = status === 200 && request.getResponseHeader("X-Tap") === tap.k;
    var refused = status >= 400 && status < 500 && status !== 429 && ours(request);
    for (i = 0; i < taps.length; i += 1) {
      if (taps[i].k !== tap.k) { kept.push(taps[i]); } else { gone = taken; }
      if (taps[i].k === tap.k && !taken) {
        if (refused) { taps[i].r = 1; }
        kept.push(taps[i]);
      }
    }
    save(kept);
    if (gone && tap.u.split("?")[0].indexOf(window.location.pathname) === 0) { put(tap.p, request.responseText); }
    wait = taken || refused ? 2000 : Math.min(wait * 2, LATEST_MS);
    sending = false;
    again(taken || refused ? 0 : wait);
  }

  function again(ms) {
    if (timer) { window.clearTimeout(timer); }
    timer = window.setTimeout(send, ms);
  }

  function send() {
    var taps = load(), tap = null, i, request;
    timer = null;
    for (i = 0; i < taps.length && !tap; i += 1) {
      if (!taps[i].r) { tap = taps[i]; }
    }
    if (sending || !tap) { return; }
    sending = true;
    request = new XMLHttpRequest();
    request.open("POST", tap.u, true);
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.setRequestHeader("X-Part", "1");
    request.timeout = 20000;
    request.onreadystatechange = function () {
      if (request.readyState === 4) { ended(tap, request); }
    };
    request.send(tap.b + "&ago=" + Math.max(0, new Date().getTime() - tap.t));
  }

  function tapped(form, button) {
    var now = new Date().getTime();
    var key = now.toString(36) + Math.random().toString(36).slice(2, 12);
    var door = button.name === "duty", body = [], fields = form.elements, i, words = button.textContent;
    for (i = 0; i < fields.length; i += 1) {
      if (fields[i].name && fields[i].name !== "key" && fields[i] !== button && fields[i].type !== "submit" && fields[i].value) {
        body.push(encodeURIComponent(fields[i].name) + "=" + encodeURIComponent(fields[i].value));
        if (fields[i].type !== "hidden") { words += (fields[i].name === "of" ? "/" : " ") + fields[i].value; }
      }
    }
    body.push("key=" + key, encodeURIComponent(button.name) + "=" + encodeURIComponent(button.value));
    if (door) { words = button.parentNode.querySelector("b").textContent + " " + words; }
    save(load().concat([{
      k: key, t: now, w: words, b: body.join("&"), p: door ? "d" + button.value : form.getAttribute("data-tap"),
      u: (form.getAttribute("action") || window.location.pathname) + window.location.search.replace(/[?&]start=\d+/, "")
    }]));
    if (door) { button.disabled = true; }
    if (button.parentNode.tagName === "DETAILS") { button.parentNode.removeAttribute("open"); }
    wait = 2000;
    again(0);
  }

  document.addEventListener("click", function (event) {
    var button = event.target;
    if (button.tagName !== "BUTTON" || !button.form || !button.form.hasAttribute("data-tap")) { return; }
    if (button.form.checkValidity && !button.form.checkValidity()) { return; }
    event.preventDefault();
    tapped(button.form, button);
  });

  // What the office has of this person; only where somebody looks.
  function look() {
    var request = new XMLHttpRequest();
    window.setTimeout(look, LOOK_MS);
    if (document.hidden || sending || !document.getElementById("heard")) { return; }
    request.open("GET", window.location.pathname + "/now" + window.location.search, true);
    request.timeout = 20000;
    request.onreadystatechange = function () {
      if (request.readyState === 4 && request.status === 200 && ours(request)) { put("heard", request.responseText); }
    };
    request.send();
  }

  window.addEventListener("online", function () { again(0); });
  window.addEventListener("storage", function () { show(load()); });
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { again(0); } });
  save(load().filter(function (tap) { return !tap.r || new Date().getTime() - tap.t < 3600000; }));
  again(0);
  window.setTimeout(look, LOOK_MS);
}());
