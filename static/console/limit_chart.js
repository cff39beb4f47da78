// Limits over time as steps: one or two composite schedules in A for a phase, or in kW.

import { TimeChart } from "./chart.js";
import { number, power } from "./format.js";

const words = () => document.getElementById("charging-words").dataset;

const formatOf = (unit) => (value) =>
  value === null || value === undefined ? words().noLimit
    : unit === "kW" ? power(value) : `${number(value, Number.isInteger(value) ? 0 : 1)}\u00a0A`;

// `names` of the schedules, in their order.
export class LimitChart {
  constructor(host, legend, names) {
    this.host = host;
    this.legend = legend;
    this.names = names;
    this.chart = null;
    this.key = "";
  }

  show(drawn) {
    const key = `${drawn.unit} ${drawn.limits.length}`;
    if (key !== this.key) {
      this.chart?.destroy();
      const looks = [
        { colour: "--charging", swatch: "charging", fill: 16, width: 2 },
        { colour: "--pv", swatch: "pv", fill: 20, width: 2.4 },
      ];
      this.chart = new TimeChart({
        host: this.host,
        legend: this.legend,
        units: { kW: drawn.unit },
        series: drawn.limits.map((_, index) => ({
          key: String(index), label: this.names[index], scale: "kW", step: true,
          format: formatOf(drawn.unit), ...looks[index],
          // Beside a draft, what holds now is a dashed line without fill.
          ...(drawn.limits.length > 1 && index === 0 ? { dash: [6, 4], fill: undefined } : {}),
        })),
      });
      this.key = key;
    }
    const seconds = (at) => Date.parse(at) / 1000;
    this.chart.set(drawn.times_s, drawn.limits, {
      now: seconds(drawn.now), range: [seconds(drawn.start), seconds(drawn.end)],
    });
  }
}

export const chartWords = words;
export const limitText = (value, unit) => formatOf(unit)(value);
