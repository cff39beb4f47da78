// The plot of a series: one line for each quality, the band of its percentiles behind.

import { TimeChart } from "./chart.js";
import { dayAndTime, number } from "./format.js";

const LINES = [
  { key: "actual", colour: "--accent", swatch: "accent", width: 2 },
  { key: "forecast", colour: "--charging", swatch: "forecast", width: 2 },
  { key: "estimated", colour: "--grid", swatch: "estimated", width: 2, dash: [6, 4] },
  { key: "fallback", colour: "--price", swatch: "fallback", width: 2, dash: [2, 3] },
];

// Each slot is drawn from its start to just before its end: two points, none for what is not known.
const ALMOST_S = 1;

function axis(data) {
  return data.times_s.slice(0, -1).flatMap((at, n) => [at, data.times_s[n + 1] - ALMOST_S]);
}

function column(values, isShown = () => true) {
  return values.slice(0, -1).flatMap((value, n) => (isShown(n) ? [value, value] : [null, null]));
}

class SeriesChart extends TimeChart {
  constructor(data, options) {
    super(options);
    this.data = data;
  }

  // The figure of the slot under the cursor, in the legend of its own quality only.
  readout(index) {
    const { data } = this;
    let slot = index === null || index === undefined ? null : index >> 1;
    if (slot === null) {
      slot = data.times_s.findLastIndex((at, n) => at <= data.now_s && data.values[n] !== null);
      if (slot < 0) slot = data.values.findLastIndex((value) => value !== null);
    }
    const at = data.times_s[slot];
    this.at.textContent = at === undefined ? "" : dayAndTime(at * 1000);
    for (const series of this.series) {
      const figures = { high: data.high, low: data.low, measured: data.measured }[series.key] ?? data.values;
      const isShown = series.key in { high: 1, low: 1, measured: 1 } || data.qualities[slot] === series.key;
      this.outputs.get(series.key).textContent = isShown ? series.format(figures[slot]) : "";
    }
  }
}

export function drawSeries(data, { host, legend }) {
  const format = (value) =>
    value === null || value === undefined ? "–" : `${number(value, data.decimals)}\u00a0${data.unit}`;
  const used = LINES.filter((line) => data.qualities.includes(line.key));
  const lines = (used.length ? used : [LINES[0]]).map((line) => ({
    ...line, label: data.words[line.key], scale: "value", format,
  }));
  const columns = lines.map((line) => column(data.values, (n) => data.qualities[n] === line.key));
  const bands = [];
  if (data.high.length) {
    const thin = { colour: "--charging", swatch: "forecast", scale: "value", format, width: 0.6 };
    bands.push([lines.length, lines.length + 1]);
    lines.push({ ...thin, key: "high", label: data.words.high }, { ...thin, key: "low", label: data.words.low });
    columns.push(column(data.high), column(data.low));
  }
  if (data.measured?.length) {
    lines.push({ key: "measured", colour: "--pv", swatch: "pv", width: 2.4, label: data.words.measured, scale: "value", format });
    columns.push(column(data.measured));
  }
  const chart = new SeriesChart(data, {
    host, legend, series: lines, bands, units: { value: data.unit }, zeroLine: false,
  });
  chart.set(axis(data), columns, {
    now: data.now_s, range: [data.start_s, data.end_s], gaps: data.gaps, step: data.step_s,
  });
  return chart;
}
