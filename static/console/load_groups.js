// Load groups: cards and members that stay fresh, and the chart of one group.

import { confirmForms, keepFresh } from "./charging.js";
import { TimeChart } from "./chart.js";
import { number } from "./format.js";

const RELOAD_MS = 10000;
const data = document.getElementById("group-data");

function startChart() {
  const words = document.getElementById("charging-words").dataset;
  const format = (value) => (value === null || value === undefined ? "–" : `${number(value, 1)}\u00a0A`);
  const chart = new TimeChart({
    host: document.getElementById("group-chart"),
    legend: document.getElementById("group-legend"),
    units: { kW: "A" },
    series: [
      { key: "drawn", label: words.drawn, colour: "--charging", swatch: "charging", scale: "kW", step: true, fill: 24, format },
      { key: "limits", label: words.limits, colour: "--pv", swatch: "limits", scale: "kW", step: true, width: 1.6, format },
      { key: "cap", label: words.cap, colour: "--bad", swatch: "cap", scale: "kW", dash: [6, 4], width: 1.4, format },
    ],
  });
  const seconds = (at) => Date.parse(at) / 1000;
  const draw = (shown) => chart.set(shown.times_s, [shown.drawn_a, shown.limits_a, shown.cap_a], {
    range: [seconds(shown.start), seconds(shown.end)], step: shown.slot_s,
  });
  draw(JSON.parse(data.textContent));
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(location.href, { headers: { "X-Fragment": "series" } });
      if (response.ok && !response.redirected) draw(await response.json());
    } catch {
      // The line is down: the banner says so, and the next turn tries again.
    }
  }, RELOAD_MS);
}

if (data) startChart();
keepFresh("live-part");
confirmForms();
