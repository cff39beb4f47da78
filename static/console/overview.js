// The overview: power flow, tiles, sessions in progress, today's chart.

import { controlSentence, showControl } from "./control.js";
import { startDayChart } from "./day.js";
import { drawFlow, flowSentence } from "./flow.js";
import { duration, element, energy, power, setText, stateWord, text } from "./format.js";
import { bind, setFlowUnit } from "./frame.js";
import { latest, onSnapshot } from "./live.js";

const UNIT_KEY = "cariflex.unit";
// A screen reader hears the figures this often, and a change of the control state at once.
const SPEAK_MS = 30000;

let unit = localStorage.getItem(UNIT_KEY) ?? "";
let spokenAt = Date.now();
let spokenMode = null;

function chooseUnit(chosen) {
  unit = chosen === "auto" ? "" : chosen;
  localStorage.setItem(UNIT_KEY, unit);
  setFlowUnit(unit);
  for (const button of document.querySelectorAll("[data-unit]")) {
    button.setAttribute("aria-pressed", String(button.dataset.unit === (unit || "auto")));
  }
}

function speak(snapshot) {
  const isNewMode = spokenMode !== null && spokenMode !== snapshot.control.mode;
  spokenMode = snapshot.control.mode;
  if (!isNewMode && Date.now() - spokenAt < SPEAK_MS) return;
  spokenAt = Date.now();
  const mode = `${stateWord("control", snapshot.control.mode).label}. ${controlSentence(snapshot.control)}`;
  setText(document.getElementById("live-summary"), flowSentence(snapshot.flow, mode));
}

function showNotes(snapshot) {
  const { price, devices } = snapshot;
  setText(
    document.getElementById("price-note"),
    price ? text(price.quality === "estimated" ? "price_estimated" : "price_published") : text("price_missing"),
  );
  const parts = [];
  for (const [key, count] of [
    ["silent", devices.silent_count], ["error", devices.error_count],
    ["stale", devices.stale_count], ["unknown", devices.unknown_count],
  ]) {
    if (count) parts.push(text(count === 1 ? `note_${key}_one` : `note_${key}_many`, { count }));
  }
  setText(document.getElementById("devices-note"), parts.length ? parts.join(", ") : text("note_all_fresh"));
  document.getElementById("fleet-meter").setAttribute("width", snapshot.fleet.soc_percent ?? 0);
  document.getElementById("fleet-of").hidden = snapshot.fleet.capacity_kwh === null;
}

function sessionLine(session, base) {
  const line = element("li");
  line.dataset.session = session.session_id;
  const link = element("a", { class: "row-link", href: `${base}${session.session_id}/` }, session.station_name);
  const badge = element("span", { class: "badge badge-live" });
  badge.append(element("span", { class: "dot" }), text("live"));
  const since = element("time", { "data-since": session.started_at });
  since.textContent = duration((Date.now() - Date.parse(session.started_at)) / 1000);
  const left = element("span", { class: "sub" });
  left.append(badge, " ", since);
  line.append(
    link,
    element("span", { class: "live-figure", "data-part": "power" }),
    left,
    element("span", { class: "sub number", "data-part": "energy" }),
  );
  return line;
}

function showSessions(sessions) {
  const list = document.getElementById("live-sessions");
  const lines = new Map(
    [...list.querySelectorAll("[data-session]")].map((line) => [Number(line.dataset.session), line]),
  );
  const wanted = sessions.map((session) => {
    const line = lines.get(session.session_id) ?? sessionLine(session, list.dataset.sessionUrl);
    setText(line.querySelector('[data-part="power"]'), power(session.power_kw));
    setText(line.querySelector('[data-part="energy"]'), energy(session.energy_kwh));
    return line;
  });
  const isSame = wanted.length === lines.size && wanted.length > 0
    && wanted.every((line, n) => list.children[n] === line);
  if (isSame) return;
  list.replaceChildren(
    ...(wanted.length ? wanted : [element("li", { class: "empty-line muted" }, text("no_session"))]),
  );
}

function show(snapshot) {
  drawFlow(snapshot.flow, unit);
  showControl(snapshot.control);
  showNotes(snapshot);
  showSessions(snapshot.sessions);
  speak(snapshot);
}

chooseUnit(unit || "auto");
for (const button of document.querySelectorAll("[data-unit]")) {
  button.addEventListener("click", () => {
    chooseUnit(button.dataset.unit);
    const snapshot = latest() ?? first;
    bind(snapshot);
    show(snapshot);
  });
}
const first = JSON.parse(document.getElementById("snapshot").textContent);
bind(first);
show(first);
onSnapshot(show);
startDayChart();
