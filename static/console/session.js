// One session: live figures, and the curve fetched again while it runs.

import { TimeChart } from "./chart.js";
import { energy, percent, power, setBadge, setText, text } from "./format.js";
import { onSnapshot } from "./live.js";

const RELOAD_MS = 15000;
const host = document.getElementById("session");
const id = Number(host.dataset.sessionId);
let isLive = host.dataset.isLive === "true";
let timer = 0;

function drawCurve() {
  const legend = document.getElementById("curve-legend");
  if (!legend) return;
  const curve = JSON.parse(document.getElementById("curve").textContent);
  const chart = new TimeChart({
    host: document.getElementById("curve-chart"),
    legend,
    zeroLine: true,
    series: [
      { key: "power", label: text("power"), colour: "--charging", swatch: "charging", scale: "kW", fill: 18, step: true, format: power },
      { key: "energy", label: text("energy"), colour: "--pv", swatch: "pv", scale: "kWh", hasAxis: false, format: energy },
      { key: "soc", label: text("soc"), colour: "--battery", swatch: "soc", scale: "percent", dash: [5, 4], format: percent },
    ],
  });
  chart.set(curve.times_s, [curve.power_kw, curve.energy_kwh, curve.soc_percent]);
}

async function reload() {
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "session" } });
    if (!response.ok || response.redirected) return;
    const isOpen = host.querySelector("details.as-table")?.open;
    const isFocused = host.contains(document.activeElement);
    // Somebody reads there by keyboard, or is about to confirm something: the page waits.
    if ((isFocused && isLive) || host.querySelector("details.ack[open]")) return;
    host.replaceChildren(document.createRange().createContextualFragment(await response.text()));
    if (isOpen) host.querySelector("details.as-table").open = true;
    drawCurve();
  } catch {
    // The line is down: the banner says so, and the next turn tries again.
  }
}

function show(snapshot) {
  const session = snapshot.sessions.find((one) => one.session_id === id);
  if (!session) {
    if (isLive) {
      isLive = false;
      clearInterval(timer);
      reload();
      // The CDR follows the end by a moment.
      setTimeout(reload, 5000);
    }
    return;
  }
  const part = (name) => host.querySelector(`[data-part="${name}"]`);
  setText(part("power"), power(session.power_kw));
  setText(part("energy"), energy(session.energy_kwh));
  setText(part("soc"), percent(session.soc_percent));
  if (session.charging_state) setBadge(part("charging-state"), "charging", session.charging_state);
}

drawCurve();
if (isLive) timer = setInterval(reload, RELOAD_MS);
onSnapshot(show);
