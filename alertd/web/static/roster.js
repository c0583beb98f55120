// Units open a level at a time; without it each unit's own page shows what is below.
"use strict";

document.addEventListener("toggle", async (event) => {
  const branch = event.target.closest(".branch");
  if (!branch || !branch.open || branch.dataset.read) return;
  branch.dataset.read = "yes";
  const answer = await fetch(`/roster/branches?parent=${encodeURIComponent(branch.dataset.parent)}`, { credentials: "same-origin", headers: { accept: "text/html" } });
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  branch.querySelector("ul").replaceChildren(...part.body.childNodes);
}, true);
