// The editor of a calendar: the server draws week and rows; here they are exchanged as one writes.

import { afterPause } from "./charging.js";
import { setText } from "./format.js";

const form = document.getElementById("calendar-form");
const fields = document.getElementById("calendar-fields");
const preview = document.getElementById("preview");
const result = document.getElementById("check-result");
const WHOLE = /^(remove:|level-add|season-add|plan-add:|window-add:)/;
let asked = 0;

function tell(tone, words) {
  if (!result) return;
  result.dataset.tone = tone;
  setText(result, words);
}

// The page as the server would show it for what is written now.
async function drawn(order) {
  const body = new URLSearchParams(new FormData(form));
  body.set("do", order);
  const response = await fetch(form.action, { method: "POST", body });
  if (!response.ok || response.redirected) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function showFindings(page) {
  const found = new Map();
  for (const place of page.querySelectorAll(".field-errors")) found.set(place.dataset.field, place);
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const place of fields.querySelectorAll(".field-errors")) {
    place.replaceChildren(...(found.get(place.dataset.field)?.childNodes ?? []));
    if (place.childElementCount) form.elements.namedItem(place.dataset.field)?.setAttribute?.("aria-invalid", "true");
  }
  tell(page.getElementById("check-result")?.dataset.tone ?? "ok", page.getElementById("check-result")?.textContent ?? "");
  if (result && !result.textContent) setText(result, result.dataset.ok);
}

// Level names in the choices follow at once what is written.
function nameLevels() {
  for (const row of fields.querySelectorAll(".level-row")) {
    const key = row.querySelector("input[name=level]").value;
    const label = row.querySelector("input[name$='.label']").value;
    for (const option of fields.querySelectorAll(`option[value="${CSS.escape(key)}"]`)) setText(option, label);
  }
}

async function ask(order) {
  asked += 1;
  const turn = asked;
  let page;
  try {
    page = await drawn(order);
  } catch {
    tell("mute", result?.dataset.failed ?? "");
    return;
  }
  if (turn !== asked) return;
  const pressed = document.activeElement?.closest?.("#preview button")?.value;
  preview.replaceChildren(...page.getElementById("preview").childNodes);
  document.getElementById("season-shown").value = page.getElementById("season-shown").value;
  if (pressed) preview.querySelector(`button[value="${CSS.escape(pressed)}"]`)?.focus();
  if (!WHOLE.test(order)) {
    showFindings(page);
    return;
  }
  const next = page.getElementById("calendar-fields");
  const open = [...fields.querySelectorAll("button[name=do]")].findIndex((one) => one.value === order);
  fields.replaceChildren(...next.childNodes);
  showFindings(page);
  const wanted = next.dataset.focus ? form.elements.namedItem(next.dataset.focus) : null;
  const input = wanted instanceof RadioNodeList ? wanted[0] : wanted;
  const buttons = fields.querySelectorAll("button[name=do]");
  (input ?? buttons[Math.min(Math.max(open, 0), buttons.length - 1)])?.focus();
}

form.addEventListener("submit", (event) => {
  const order = event.submitter?.value ?? "check";
  if (order === "save") return;
  event.preventDefault();
  ask(order);
});
const later = afterPause(300, () => ask("check"));
form.addEventListener("input", (event) => {
  if (event.target.name?.endsWith(".label")) nameLevels();
  later();
});
form.addEventListener("change", later);
form.dataset.ready = "";
