// Time series with uPlot: colours of the theme, local time, a legend of buttons with live figures.

import { dayAndTime, dayShort, element, number, svgElement, text, timeOfDay, timeWithSeconds, zone } from "./format.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function faded(name, share) {
  return `color-mix(in srgb, ${colour(name)} ${share}%, transparent)`;
}

const LONG_S = 36 * 3600;
const NARROWEST_WORDS_PX = 54;

// `series`: {key, label, colour, swatch, format, scale, hasAxis, fill, dash, step, width}
// `bands`: [upper, lower] numbers of series between which is filled; `units`: of further scales.
// `onWindow`: called when another stretch of time is shown.
export class TimeChart {
  constructor({ host, legend, series, height, zeroLine = true, isFilled = true, bands = [], units = {}, onWindow = null }) {
    this.onWindow = onWindow;
    this.shades = [];
    this.bands = bands;
    this.units = units;
    this.gaps = [];
    this.marks = [];
    this.host = host;
    this.legend = legend;
    this.series = series;
    this.height = height;
    this.zeroLine = zeroLine;
    this.isFilled = isFilled;
    this.hidden = new Set();
    this.outputs = new Map();
    this.plot = null;
    this.filled = new Set();
    this.buildLegend();
    this.zoomed = false;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    this.unzoom = () => { this.zoomed = false; };
    this.repaint = () => this.rebuild();
    host.addEventListener("dblclick", this.unzoom);
    document.addEventListener("themechange", this.repaint);
  }

  destroy() {
    this.observer.disconnect();
    this.host.removeEventListener("dblclick", this.unzoom);
    document.removeEventListener("themechange", this.repaint);
    this.plot?.destroy();
    this.plot = null;
  }

  // `gaps`: [from, to] without readings; `marks`: times of values that cannot be trusted (seconds);
  // `shades`: {from, to, colour, words} stretches behind the lines.
  set(times, columns, { now = null, range = null, gaps = [], marks = [], step = null, shades = [] } = {}) {
    this.step = step;
    this.shades = shades;
    this.gaps = gaps;
    this.marks = marks;
    this.times = times;
    this.columns = columns;
    this.range = range;
    const filled = this.series.filter((_, n) => columns[n].some((value) => value !== null));
    const scales = new Set(filled.map((series) => series.scale));
    const isSame = this.plot !== null && [...scales].join() === [...this.filled].join();
    this.filled = scales;
    this.now = now;
    if (!isSame) this.rebuild();
    else if (this.zoomed) {
      this.plot.setData([times, ...columns], false);
      this.plot.redraw();
    } else this.plot.setData([times, ...columns]);
    this.readout(this.plot.cursor.idx ?? null);
  }

  get isLong() {
    const [start, end] = this.range ?? [this.times[0], this.times.at(-1)];
    return end - start > LONG_S;
  }

  resize() {
    const width = this.host.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.host.clientHeight });
    }
  }

  rebuild() {
    if (!this.times) return;
    const seen = this.zoomed && this.plot ? this.window : null;
    this.plot?.destroy();
    this.plot = new window.uPlot(this.options(), [this.times, ...this.columns], this.host);
    if (seen) this.show(seen);
  }

  // The stretch of time that is shown (seconds); a plot knows its own only once it is drawn.
  get window() {
    const { min, max } = this.plot.scales.x;
    return (min ?? null) === null ? this.whole : [min, max];
  }

  get whole() {
    return this.range ?? [this.times[0], this.times.at(-1)];
  }

  // Show this stretch of time; null: all of it.
  show(seen) {
    this.zoomed = seen !== null;
    const [min, max] = seen ?? this.whole;
    this.plot.setScale("x", { min, max });
  }

  options() {
    const grid = { stroke: colour("--line"), width: 1 };
    const narrow = this.host.clientWidth < 520;
    const font = `${narrow ? 11 : 12}px system-ui, sans-serif`;
    const axis = (scale, side, label) => ({
      scale, side, font,
      stroke: colour("--muted"),
      grid: side === 3 ? grid : { show: false },
      ticks: { show: false },
      size: narrow ? 42 : 52,
      values: (_, values) => values.map((v) => (v === null ? "" : number(v, scaleDecimals(values)))),
      label, labelSize: narrow ? 16 : 18, labelFont: font, labelGap: 0,
    });
    const shown = this.series.filter((series) => series.hasAxis !== false);
    const scales = [...new Set(shown.map((series) => series.scale))].filter(
      (scale, index) => index === 0 || this.filled.has(scale),
    );
    const units = { kW: "kW", price: "€/MWh", percent: "%", kWh: "kWh", ...this.units };
    return {
      width: this.host.clientWidth,
      height: this.host.clientHeight,
      padding: [10, scales.length > 1 ? 0 : 10, 0, 0],
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), zone),
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: true, y: false, uni: 20 }, focus: { prox: 24 } },
      scales: {
        x: { time: true, range: (_, min, max) => this.range && !this.zoomed ? this.range : [min, max] },
        kW: { range: (_, min, max) => padded(min, max, this.zeroLine) },
        price: { range: (_, min, max) => padded(min, max, false) },
        percent: { range: [0, 100] },
        kWh: { range: (_, min, max) => padded(Math.min(0, min ?? 0), max, true) },
        value: { range: (_, min, max) => padded(min, max, false) },
      },
      bands: this.bands.map((pair) => ({
        series: pair.map((number) => number + 1),
        fill: faded(this.series[pair[0]].colour, 26),
      })),
      axes: [
        {
          font, stroke: colour("--muted"), grid: { show: false }, space: narrow ? 54 : 70,
          ticks: { stroke: colour("--line"), size: 5 }, size: 30,
          values: (_, values) => {
            const isFine = values.length > 1 && values[1] - values[0] < 60;
            const isDaily = this.isLong && !this.zoomed;
            const words = isFine ? timeWithSeconds : isDaily ? dayOrTime : timeOfDay;
            return values.map((value) => (value === null ? "" : words(value * 1000)));
          },
        },
        ...scales.map((scale, index) => axis(scale, index === 0 ? 3 : 1, units[scale])),
      ],
      series: [{}, ...this.series.map((series) => this.seriesOptions(series))],
      hooks: {
        setCursor: [(plot) => this.readout(plot.cursor.idx)],
        setSelect: [(plot) => { this.zoomed ||= plot.select.width > 0; }],
        setScale: [(plot, key) => { if (key === "x" && plot === this.plot) this.onWindow?.(); }],
        drawAxes: [(plot) => this.drawMarks(plot)],
      },
    };
  }

  seriesOptions(series) {
    const stepped = window.uPlot.paths.stepped({ align: 1 });
    return {
      label: series.label,
      scale: series.scale,
      show: !this.hidden.has(series.key),
      stroke: colour(series.colour),
      width: series.width ?? 2,
      dash: series.dash,
      fill: series.fill ? faded(series.colour, series.fill) : undefined,
      paths: series.step ? stepped : undefined,
      // A slot between two gaps has no line: it is drawn as a point.
      points: {
        show: true, size: 5, width: 0, fill: colour(series.colour),
        filter: (plot, index) => alone(plot.data[index]),
      },
      spanGaps: false,
    };
  }

  drawMarks(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const shade of this.shades) drawShade(plot, shade);
    for (const gap of this.gaps) drawGap(plot, gap);
    ctx.fillStyle = colour("--bad");
    for (const mark of this.marks) drawBad(plot, mark);
    ctx.lineWidth = devicePixelRatio;
    if (this.zeroLine && plot.scales.kW?.min < 0) {
      const y = Math.round(plot.valToPos(0, "kW", true));
      line(ctx, colour("--line-strong"), [], bbox.left, y, bbox.left + bbox.width, y);
    }
    if (this.now) {
      const x = Math.round(plot.valToPos(this.now, "x", true));
      if (x > bbox.left && x < bbox.left + bbox.width) {
        line(ctx, colour("--accent"), [4, 4], x, bbox.top, x, bbox.top + bbox.height);
        ctx.fillStyle = colour("--accent");
        ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
        ctx.textAlign = x > bbox.left + bbox.width * 0.85 ? "right" : "left";
        const gap = (ctx.textAlign === "left" ? 5 : -5) * devicePixelRatio;
        ctx.fillText(text("now"), x + gap, bbox.top + 11 * devicePixelRatio);
      }
    }
    ctx.restore();
  }

  buildLegend() {
    this.legend.replaceChildren();
    this.series.forEach((series, index) => {
      const button = element("button", { type: "button", "aria-pressed": "true" });
      const swatch = svgElement("svg", { class: `swatch swatch-${series.swatch}`, viewBox: "0 0 18 10", "aria-hidden": "true" });
      swatch.append(svgElement("path", {
        d: series.step ? "M0 8H9V2H18" : "M0 5H18",
        stroke: "currentColor", "stroke-width": series.dash ? 2 : 3, fill: "none",
        "stroke-dasharray": series.dash ? "4 2" : "none",
      }));
      const output = element("output", {});
      output.setAttribute("aria-live", "off");
      button.append(swatch, element("span", {}, series.label), output);
      button.addEventListener("click", () => {
        const isShown = this.hidden.has(series.key);
        if (isShown) this.hidden.delete(series.key);
        else this.hidden.add(series.key);
        button.setAttribute("aria-pressed", String(isShown));
        this.plot?.setSeries(index + 1, { show: isShown });
      });
      this.outputs.set(series.key, output);
      this.legend.append(button);
    });
    this.at = element("span", { class: "legend-at" });
    this.legend.append(this.at);
  }

  // The figures under the cursor, else the last slot that is over.
  readout(index) {
    let chosen = index;
    if (chosen === null || chosen === undefined) {
      chosen = this.times.length - 1;
      if (this.now) {
        const step = this.step ?? this.times[1] - this.times[0];
        while (chosen > 0 && this.times[chosen] + step > this.now) chosen -= 1;
      }
      while (chosen > 0 && this.series.every((_, n) => this.columns[n][chosen] === null)) chosen -= 1;
    }
    const words = this.isLong ? dayAndTime : timeOfDay;
    this.at.textContent = this.times.length ? words(this.times[chosen] * 1000) : "";
    this.series.forEach((series, n) => {
      this.outputs.get(series.key).textContent = series.format(this.columns[n][chosen]);
    });
  }
}

// A hatched band from top to bottom, with words where there is room for them.
function drawGap(plot, [from, to]) {
  const { ctx, bbox } = plot;
  const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
  const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
  // A gap of less than a pixel still has a line.
  const width = Math.max(right - left, devicePixelRatio);
  if (right < bbox.left || left > bbox.left + bbox.width) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, width, bbox.height);
  ctx.fillStyle = colour("--surface-3");
  ctx.fill();
  ctx.clip();
  ctx.strokeStyle = colour("--line-strong");
  ctx.globalAlpha = 0.45;
  ctx.lineWidth = devicePixelRatio;
  const step = 9 * devicePixelRatio;
  ctx.beginPath();
  // From one grid for all gaps, so that the hatching does not move from gap to gap.
  for (let x = Math.floor((left - bbox.height) / step) * step; x < left + width; x += step) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  if (width / devicePixelRatio >= NARROWEST_WORDS_PX) {
    const words = text("no_data");
    ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const [x, y] = [left + width / 2, bbox.top + bbox.height / 2];
    const half = ctx.measureText(words).width / 2 + 5 * devicePixelRatio;
    ctx.fillStyle = colour("--surface");
    ctx.fillRect(x - half, y - 9 * devicePixelRatio, 2 * half, 18 * devicePixelRatio);
    ctx.fillStyle = colour("--muted");
    ctx.fillText(words, x, y);
  }
  ctx.restore();
}

// A coloured stretch from top to bottom, its words at the foot where there is room for them.
function drawShade(plot, { from, to, colour: name, words }) {
  const { ctx, bbox } = plot;
  const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
  const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
  if (right <= left) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.fillStyle = faded(name, 14);
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.strokeStyle = faded(name, 60);
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.strokeRect(left, bbox.top - 2, right - left, bbox.height + 4);
  if (words && (right - left) / devicePixelRatio >= NARROWEST_WORDS_PX) {
    ctx.fillStyle = colour("--text");
    ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.fillText(words, left + 5 * devicePixelRatio, bbox.top + bbox.height - 6 * devicePixelRatio);
  }
  ctx.restore();
}

// A small triangle at the foot of the chart: its shape says it without the colour.
function drawBad(plot, at) {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(at, "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  const foot = bbox.top + bbox.height;
  const size = 5 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, foot - 1.8 * size);
  ctx.lineTo(x + size, foot);
  ctx.lineTo(x - size, foot);
  ctx.closePath();
  ctx.fill();
}

// At midnight the day, else the time.
function dayOrTime(at) {
  const words = timeOfDay(at);
  return words === "00:00" ? dayShort(at) : words;
}

function alone(values) {
  const found = [];
  for (let n = 0; n < values.length; n += 1) {
    const isGapBefore = (values[n - 1] ?? null) === null;
    const isGapAfter = (values[n + 1] ?? null) === null;
    if (values[n] !== null && isGapBefore && isGapAfter) found.push(n);
  }
  return found;
}

function line(ctx, stroke, dash, x1, y1, x2, y2) {
  ctx.strokeStyle = stroke;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function scaleDecimals(values) {
  const known = values.filter((value) => value !== null);
  const step = known.length > 1 ? Math.abs(known[1] - known[0]) : 1;
  return step >= 1 || step === 0 ? 0 : step >= 0.1 ? 1 : 2;
}

function padded(min, max, withZero) {
  if (min === null || min === undefined || max === null || max === undefined) return [0, 1];
  const low = withZero ? Math.min(0, min) : min;
  const high = withZero ? Math.max(0, max) : max;
  const gap = (high - low || Math.abs(high) || 1) * 0.08;
  return [low < 0 || !withZero ? low - gap : low, high + gap];
}
