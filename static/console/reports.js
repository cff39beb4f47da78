// The days of a month as steps: cost and energies. The table below the chart has the same values.

import { TimeChart } from "./chart.js";
import { dayShort, number } from "./format.js";

const data = JSON.parse(document.getElementById("days-data").textContent);
const inUnit = (unit, decimals) => (value) =>
  value === null || value === undefined ? "–" : `${number(value, decimals)}\u00a0${unit}`;
const energy = { scale: "kWh", format: inUnit("kWh", 1), width: 2 };

class DaysChart extends TimeChart {
  // A day has two points: its date alone says which it is.
  readout(index) {
    super.readout(index);
    const at = this.times[index ?? this.times.length - 1];
    this.at.textContent = at === undefined ? "" : dayShort(at * 1000);
  }
}

if (data.times_s.length) {
  const chart = new DaysChart({
    host: document.getElementById("days-chart"),
    legend: document.getElementById("days-legend"),
    series: [
      { ...energy, key: "import", label: data.words.import, colour: "--charging", swatch: "charging", fill: 12 },
      { ...energy, key: "export", label: data.words.export, colour: "--battery", swatch: "battery", dash: [6, 4] },
      { ...energy, key: "pv", label: data.words.pv, colour: "--pv", swatch: "pv" },
      { key: "cost", label: data.words.cost, colour: "--price", swatch: "price", scale: "value", width: 2.4, dash: [2, 3], format: inUnit("€", 2) },
    ],
    units: { value: "€" },
    zeroLine: false,
  });
  chart.set(data.times_s, [data.import_kwh, data.export_kwh, data.pv_kwh, data.cost_eur], {
    range: [data.start_s, data.end_s], gaps: data.gaps, step: 86400,
  });
}
