// The chart of today, on the overview and on the plan page.

import { TimeChart } from "./chart.js";
import { power, price, text } from "./format.js";
import { onSnapshot } from "./live.js";

const RELOAD_MS = 60000;
const KEYS = ["pv_production_kw", "charging_kw", "battery_kw", "planned_battery_kw", "price_eur_per_mwh"];

export function startDayChart() {
  const chart = new TimeChart({
    host: document.getElementById("day-chart"),
    legend: document.getElementById("day-legend"),
    series: [
      { key: "pv", label: text("pv"), colour: "--pv", swatch: "pv", scale: "kW", fill: 22, format: power },
      { key: "charging", label: text("charging_series"), colour: "--charging", swatch: "charging", scale: "kW", fill: 12, format: power },
      { key: "battery", label: text("battery"), colour: "--battery", swatch: "battery", scale: "kW", width: 2.5, format: power },
      { key: "planned", label: text("planned_battery"), colour: "--battery-text", swatch: "planned", scale: "kW", dash: [5, 4], step: true, width: 1.8, format: power },
      { key: "price", label: text("price"), colour: "--price", swatch: "price", scale: "price", step: true, width: 1.4, format: price },
    ],
  });
  const show = (day) => chart.set(
    day.times_s,
    KEYS.map((key) => day[key]),
    { now: Date.parse(day.now) / 1000, range: [Date.parse(day.start) / 1000, Date.parse(day.end) / 1000] },
  );
  show(JSON.parse(document.getElementById("day").textContent));
  const reload = async () => {
    try {
      const response = await fetch("/live/day", { headers: { Accept: "application/json" } });
      if (response.ok) show(await response.json());
    } catch {
      // The line is down: the banner says so, and the next turn tries again.
    }
  };
  setInterval(reload, RELOAD_MS);
  let plan;
  onSnapshot((snapshot) => {
    if (plan !== undefined && plan !== snapshot.control.plan_id) setTimeout(reload, 500);
    plan = snapshot.control.plan_id;
  });
}
