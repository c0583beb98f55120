// A board's lower parts are laid out one a frame, behind its first screen: all at once would hold up
// the page. Without this script nothing is held back, nor where the address names a part to go to.
"use strict";

if (!location.hash) document.documentElement.classList.add("staged");
document.addEventListener("DOMContentLoaded", () => {
  const late = Array.from(document.querySelectorAll(".late"));
  const next = () => {
    late.shift()?.classList.remove("late");
    if (late.length) requestAnimationFrame(next);
  };
  requestAnimationFrame(() => requestAnimationFrame(next)); // the first frame is the first screen's
});
