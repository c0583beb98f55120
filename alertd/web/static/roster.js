// Units open a level at a time; without it each unit's own page shows what is below.
"use strict";

document.addEventListener("toggle", async (event) => {
  const branch = event.target.closest(".branch");
  if (!branch || !branch.open || branch.dataset.read) return;
  branch.dataset.read = "yes";
  const answer = await fetch(`/roster/branches?parent=${encodeURIComponent(branch.dataset.parent)}`, { credentials: "same-origin", headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) { // an empty branch would say that nothing is below
    delete branch.dataset.read;
    branch.open = false;
    return;
  }
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  branch.querySelector("ul").replaceChildren(...part.body.childNodes);
}, true);

// Said before they are sent: a server that refuses them half-way is only a broken connection.
for (const form of document.querySelectorAll("form.files")) {
  const told = form.querySelector(".refusal");
  form.addEventListener("change", () => {
    const bytes = [...form.querySelectorAll("input[type=file]")].reduce((sum, input) => sum + [...input.files].reduce((all, file) => all + file.size, 0), 0);
    told.hidden = bytes <= Number(form.dataset.most);
    form.querySelector("button").disabled = !told.hidden;
  });
}
