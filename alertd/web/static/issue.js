// The form on which an alert is written: what would go out follows what is filled in; units open as
// they are asked for; a polygon on the plan chooses what is inside. Without it, buttons do the same.
"use strict";

(() => {
  const form = document.getElementById("write");
  if (!form) return;
  const outlook = document.getElementById("outlook");
  const PAUSE_MS = 350;
  let asked = 0;
  let timer = 0;

  function complete() {
    const fields = new FormData(form);
    return fields.get("status") && (fields.getAll("area").length || fields.get("codes"));
  }

  async function preview() {
    if (!complete()) return;
    const mine = ++asked;
    const fields = new URLSearchParams(new FormData(form));
    fields.set("do", "part");
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin", headers: { accept: "application/problem+json" } });
      const html = await answer.text();
      if (mine !== asked) return; // a later one is under way
      if (!answer.ok && answer.headers.get("content-type")?.includes("json")) return refused(JSON.parse(html));
      const part = new DOMParser().parseFromString(html, "text/html");
      outlook.replaceChildren(...part.body.childNodes);
    } catch (error) {
      outlook.textContent = form.dataset.failed;
    }
  }

  // What was shown before is no longer what would go out.
  function refused(problem) {
    const said = document.createElement("p");
    said.className = "refusal";
    said.textContent = `${problem.detail} ${problem.hint || ""}`;
    outlook.replaceChildren(said);
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PAUSE_MS);
  });

  form.addEventListener("toggle", async (event) => {
    const branch = event.target.closest(".branch");
    if (!branch || !branch.open || branch.dataset.read) return;
    branch.dataset.read = "yes";
    const answer = await fetch(`/issue/areas?parent=${encodeURIComponent(branch.dataset.parent)}`, { credentials: "same-origin", headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) { // an empty branch would say that nothing is below
      delete branch.dataset.read;
      branch.open = false;
      return;
    }
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    branch.querySelector("ul").replaceChildren(...part.body.childNodes);
  }, true);

  const plan = document.querySelector("#plan svg");
  if (!plan) return;
  const drawn = plan.querySelector(".drawn");
  let corners = [];

  function show(closed) {
    const all = closed ? [...corners, corners[0]] : corners;
    drawn.setAttribute("points", all.map((corner) => corner.join(",")).join(" "));
  }

  function tick(code, name) {
    const known = form.querySelector(`input[name=area][value="${CSS.escape(code)}"]`);
    if (known) {
      known.checked = true;
      return;
    }
    const item = document.createElement("li");
    const label = document.createElement("label");
    label.className = "tick";
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name: "area", value: code, checked: true });
    const small = document.createElement("small");
    small.textContent = code;
    label.append(box, ` ${name} `, small);
    item.append(label);
    document.getElementById("others").append(item);
  }

  async function close() {
    show(true);
    const polygon = corners.map((corner) => corner.join(",")).join(" ");
    corners = [];
    const answer = await fetch(`/issue/inside?polygon=${encodeURIComponent(polygon)}`, { credentials: "same-origin", headers: { accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) { // what is drawn would say that its grids are chosen
      show(false);
      return;
    }
    for (const found of await answer.json()) {
      tick(found.code, found.name);
      plan.querySelector(`[data-code="${CSS.escape(found.code)}"]`)?.setAttribute("data-chosen", "");
    }
    preview();
  }

  plan.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plan.getScreenCTM().inverse());
    const near = corners.length > 2 && Math.hypot(at.x - corners[0][0], at.y - corners[0][1]) < 20;
    if (near) {
      close();
      return;
    }
    corners.push([Math.round(at.x), Math.round(at.y)]);
    show(false);
  });

  document.querySelector("[data-clear]").addEventListener("click", () => {
    corners = [];
    show(false);
  });
})();
