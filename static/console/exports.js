// Exports: files follow their progress; columns are chosen and moved.

import { confirmForms, keepFresh } from "./charging.js";

const chosen = document.getElementById("columns-chosen");
const count = document.getElementById("columns-count");

// What a column can do depends on where it stands.
function settle() {
  const items = [...chosen.children];
  for (const moves of document.querySelectorAll(".column-moves")) {
    moves.hidden = !chosen.contains(moves);
  }
  items.forEach((item, index) => {
    item.querySelector('[data-move="up"]').disabled = index === 0;
    item.querySelector('[data-move="down"]').disabled = index === items.length - 1;
  });
  const words = items.length === 1 ? count.dataset.one : count.dataset.many;
  count.textContent = words.replace("{count}", items.length);
}

function move(item, step) {
  const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(item);
  else other.after(item);
}

function listOf(item) {
  const lists = [...document.querySelectorAll(".column-group ul")];
  return lists.find((list) => list.dataset.group === item.dataset.group);
}

if (chosen) {
  document.getElementById("cdr-export").addEventListener("change", (event) => {
    if (event.target.name !== "column") return;
    const item = event.target.closest("li");
    (event.target.checked ? chosen : listOf(item)).append(item);
    settle();
    event.target.focus();
  });
  chosen.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    const item = button.closest("li");
    move(item, button.dataset.move === "up" ? -1 : 1);
    settle();
    const again = button.disabled ? item.querySelector("[data-move]:not(:disabled)") : button;
    again?.focus();
  });
  settle();
}

keepFresh("live-part");
confirmForms();
