// Keeps the page up to date: asks for it anew and puts in what has changed. Without it the page reads as well.
"use strict";

const EVERY_MS = 3000;
const root = document.body.dataset.root;

/** Whether somebody is about to give an order there, which a new text must not take away. */
function isInUse(part) {
  return part.querySelector("details.order[open]") !== null;
}

/** Puts the new text of a part in, what was folded or unfolded stays so. */
function renew(part, fresh) {
  for (const fold of fresh.querySelectorAll("details.fold")) {
    const present = document.getElementById(fold.id);
    if (present) fold.open = present.open;
  }
  if (fresh.innerHTML !== part.innerHTML) part.innerHTML = fresh.innerHTML;
}

async function refresh() {
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(root, { headers: { Accept: "text/html" }, cache: "no-store" });
    const parts = [...document.querySelectorAll("[data-live]")];
    if (answer.status === 401 || (answer.ok && parts.length === 0)) return location.replace(root);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh && !isInUse(part)) renew(part, fresh);
    }
    document.title = page.title;
    if (lost) lost.hidden = true;
  } catch (error) {
    if (lost) lost.hidden = false;
  }
}

async function keepUp() {
  if (!document.hidden) await refresh();
  setTimeout(keepUp, EVERY_MS);
}

// What was done is said once, not again with every reload.
if (location.search) history.replaceState(null, "", location.pathname);

// One order unfolds at a time, also where the browser does not see to that; a click elsewhere folds it.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.order[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.order[open]")) open.open = false;
});

if (document.querySelector("[data-live], [data-waits]")) setTimeout(keepUp, EVERY_MS);
