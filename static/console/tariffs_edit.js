// The editor of a tariff: rows come, go and move; what the server finds stands beside its field.

import { csrfToken } from "./charging.js";
import { element, setText } from "./format.js";
import { followPreview, leadToRows } from "./tariffs_shared.js";

const form = document.getElementById("tariff-form");
const rows = document.getElementById("rows");
const template = document.getElementById("row-template");
const result = document.getElementById("check-result");
const NEW_KEY = "newrow";
let made = 0;

function tell(tone, words) {
  result.dataset.tone = tone;
  setText(result, words);
}

function showFindings(errors, warnings) {
  let bad = 0;
  let warn = 0;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const place of form.querySelectorAll(".field-errors")) {
    const wrong = errors[place.dataset.field] ?? [];
    const odd = warnings[place.dataset.field] ?? [];
    bad += wrong.length;
    warn += odd.length;
    place.replaceChildren(
      ...wrong.map((one) => element("p", { class: "field-error" }, one)),
      ...odd.map((one) => element("p", { class: "field-warning" }, one)),
    );
    if (wrong.length) form.elements.namedItem(place.dataset.field)?.setAttribute?.("aria-invalid", "true");
    if (wrong.length || odd.length) place.closest("details")?.setAttribute("open", "");
  }
  if (bad) tell("bad", result.dataset.bad.replace("{count}", bad));
  else if (warn) tell("warn", result.dataset.warn.replace("{count}", warn));
  else tell("ok", result.dataset.ok);
}

function showWords(words) {
  for (const row of rows.children) {
    const key = row.querySelector("input[name=row]").value;
    if (words[key] !== undefined) setText(row.querySelector("[data-words]"), words[key]);
  }
}

const { later } = followPreview(form, async () => {
  try {
    const response = await fetch(form.dataset.checkUrl, {
      method: "POST", headers: { "X-CSRFToken": csrfToken() }, body: new URLSearchParams(new FormData(form)),
    });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const shown = await response.json();
    showFindings(shown.errors, shown.warnings);
    showWords(shown.words);
    return shown.html;
  } catch {
    tell("mute", result.dataset.failed);
    return null;
  }
});
leadToRows(rows);

function addRow() {
  made += 1;
  const key = `n${made}`;
  const fragment = template.content.cloneNode(true);
  const item = fragment.firstElementChild;
  item.id = `row-${key}`;
  for (const node of item.querySelectorAll("[name], [data-field]")) {
    if (node.name) node.name = node.name.replace(NEW_KEY, key);
    if (node.name === "row") node.value = key;
    if (node.dataset.field) node.dataset.field = node.dataset.field.replace(NEW_KEY, key);
  }
  rows.append(fragment);
  rows.lastElementChild.querySelector("input:not([type=hidden])").focus();
  later();
}

document.getElementById("row-add").addEventListener("click", addRow);
rows.addEventListener("click", (event) => {
  const row = event.target.closest(".tariff-row");
  const move = event.target.closest("[data-move]");
  if (move) {
    const other = move.dataset.move === "1" ? row.nextElementSibling : row.previousElementSibling;
    if (!other) return;
    if (move.dataset.move === "1") other.after(row);
    else other.before(row);
    move.focus();
    later();
  } else if (event.target.closest("[data-remove]") && rows.children.length > 1) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    next.focus();
    later();
  }
});
document.getElementById("is-dynamic").addEventListener("change", (event) => {
  document.getElementById("market").hidden = !event.target.checked;
});
form.dataset.ready = "";
