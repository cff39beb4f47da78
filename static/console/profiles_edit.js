// The editor of a profile: what it comes to is drawn, and broken rules are shown, while one writes.

import { afterPause, csrfToken } from "./charging.js";
import { dayAndTime, element, setText } from "./format.js";
import { LimitChart, chartWords, limitText } from "./limit_chart.js";

const form = document.getElementById("profile-form");
const periods = document.getElementById("periods");
const template = document.getElementById("period-template");
const result = document.getElementById("preview-result");
const field = (name) => form.elements.namedItem(name);
const words = chartWords();
const chart = new LimitChart(
  document.getElementById("preview-chart"), document.getElementById("preview-legend"), [words.now, words.draft],
);
let span = "day";
let asked = 0;

const PERIOD = /^chargingSchedule\[0\]\.chargingSchedulePeriod\[(\d+)\]\.(\w+)$/;

function placeOf(path) {
  const found = PERIOD.exec(path);
  if (found) return periods.children[Number(found[1])]?.querySelector(`[data-period="${found[2]}"]`);
  return form.querySelector(`[data-errors="${CSS.escape(path)}"]`);
}

function showErrors(errors) {
  for (const place of form.querySelectorAll(".field-errors")) place.replaceChildren();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  const rest = [];
  for (const [path, texts] of Object.entries(errors)) {
    const place = placeOf(path);
    if (!place) rest.push(...texts.map((one) => (path ? `${path}: ${one}` : one)));
    else {
      place.append(...texts.map((one) => element("p", { class: "field-error" }, one)));
      place.closest(".field")?.querySelector("input, select")?.setAttribute("aria-invalid", "true");
    }
  }
  const count = Object.values(errors).flat().length;
  result.dataset.tone = count ? "bad" : "ok";
  const told = count === 0 ? result.dataset.ok
    : count === 1 ? result.dataset.one : result.dataset.many.replace("{count}", count);
  setText(result, [told, ...rest].join(" "));
}

function showPeriods(rows, unit) {
  document.getElementById("period-rows").replaceChildren(...rows.map((row) => {
    const line = element("tr");
    line.append(
      element("td", {}, dayAndTime(row.start)), element("td", {}, dayAndTime(row.end)),
      element("td", { class: "number" }, limitText(row.limit, unit)),
      element("td", { class: "number" }, String(row.number_phases)),
    );
    return line;
  }));
}

async function preview() {
  if (!field("station").value.trim()) {
    result.dataset.tone = "mute";
    setText(result, result.dataset.unknown);
    return;
  }
  asked += 1;
  const turn = asked;
  const body = new URLSearchParams(new FormData(form));
  body.set("span", span);
  try {
    const response = await fetch(form.dataset.previewUrl, { method: "POST", headers: { "X-CSRFToken": csrfToken() }, body });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const shown = await response.json();
    if (turn !== asked) return;
    showErrors(shown.errors);
    if (shown.drawn) {
      chart.show(shown.drawn);
      showPeriods(shown.periods, shown.drawn.unit);
    }
  } catch {
    result.dataset.tone = "mute";
    setText(result, result.dataset.failed);
  }
}

async function loadFacts() {
  const query = new URLSearchParams({ station: field("station").value.trim(), evse: field("evse").value });
  const response = await fetch(`${form.dataset.factsUrl}?${query}`);
  if (!response.ok || response.redirected) return;
  const facts = await response.json();
  const before = field("evse").value;
  field("evse").replaceChildren(...facts.evse_ids.map((one) =>
    element("option", { value: one }, one ? `${words.evse} ${one}` : words.whole)));
  field("evse").value = facts.evse_ids.map(String).includes(before) ? before : String(facts.evse_ids.at(-1));
  document.getElementById("version-pill").hidden = !facts.version;
  setText(document.getElementById("version"), facts.version);
  document.getElementById("note-16").hidden = facts.version !== "1.6";
  periods.toggleAttribute("data-is21", facts.version === "2.1");
  const running = document.getElementById("transaction");
  setText(running, facts.transaction_id || running.dataset.none);
}

const later = afterPause(350, preview);

function follow() {
  document.getElementById("transaction-note").hidden = field("purpose").value !== "TxProfile";
  const isRecurring = field("kind").value === "Recurring";
  field("recurrency").closest(".field").hidden = !isRecurring;
  if (!isRecurring) field("recurrency").value = "";
  else if (!field("recurrency").value) field("recurrency").value = "Daily";
  field("start").closest(".field").hidden = field("kind").value === "Relative";
  if (field("kind").value === "Relative") field("start").value = "";
}

form.addEventListener("input", later);
form.addEventListener("change", (event) => {
  if (["station", "evse"].includes(event.target.name)) loadFacts().then(later);
  follow();
  later();
});
document.getElementById("period-add").addEventListener("click", () => {
  periods.append(template.content.cloneNode(true));
  periods.lastElementChild.querySelector("input").focus();
  later();
});
periods.addEventListener("click", (event) => {
  if (!event.target.closest(".period-remove") || periods.children.length < 2) return;
  event.target.closest("li").remove();
  later();
});
document.getElementById("span").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  span = button.value;
  for (const one of button.parentElement.children) one.setAttribute("aria-pressed", String(one === button));
  preview();
});
periods.toggleAttribute("data-is21", periods.hasAttribute("data-is-21"));
follow();
preview();
