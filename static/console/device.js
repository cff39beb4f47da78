// One device: its chart, and the parts that change by themselves.

import { TimeChart } from "./chart.js";
import { element, dayAndTime, quantity, setText, text } from "./format.js";
import { onSnapshot } from "./live.js";

const RELOAD_NOW_MS = 5000;
const RELOAD_CHART_MS = { hour: 10000, day: 60000, week: 300000, month: 300000 };
const SCALES = { kW: "kW", kWh: "kWh", "%": "percent" };

const alerts = document.getElementById("device-alerts");
const now = document.getElementById("device-now");
const plot = document.getElementById("plot");
let chart = null;
let shownKey = "";
let chosen = null;
let timer = 0;

// --- the chart -------------------------------------------------------------------

function seriesOf(data) {
  const format = (value) => quantity(value, data.unit, data.quantity);
  const scale = SCALES[data.unit] ?? "value";
  const isRaw = data.resolution_s === 0;
  const main = {
    key: "mean", label: isRaw ? text("value") : data.is_energy ? text("energy") : text("mean"),
    colour: "--accent", swatch: "accent", scale, format, step: !isRaw, width: 1.8,
    fill: data.is_energy ? 22 : undefined,
  };
  if (isRaw || data.is_energy) return [main];
  const edge = { colour: "--accent", swatch: "edge", scale, format, step: true, width: 0.6 };
  return [main, { ...edge, key: "max", label: text("highest") }, { ...edge, key: "min", label: text("lowest") }];
}

function draw(data) {
  const series = seriesOf(data);
  const key = `${data.sensor_id} ${data.range} ${series.length}`;
  if (key !== shownKey) {
    chart?.destroy();
    chart = new TimeChart({
      host: document.getElementById("plot-chart"),
      legend: document.getElementById("plot-legend"),
      series,
      bands: series.length > 1 ? [[1, 2]] : [],
      units: { value: data.unit },
      zeroLine: data.unit === "kW" || data.unit === "kWh",
    });
    shownKey = key;
  }
  const seconds = (at) => Date.parse(at) / 1000;
  chart.set(data.times_s, [data.mean, data.maximum, data.minimum].slice(0, series.length), {
    now: seconds(data.now),
    range: [seconds(data.start), seconds(data.end)],
    gaps: data.gaps,
    marks: data.bad_times_s,
    step: data.resolution_s,
  });
  showRows(data);
  showNotes(data);
}

function showRows(data) {
  const figure = (value) => element("td", { class: "number" }, quantity(value, data.unit, data.quantity));
  const rows = data.rows.map((row) => {
    const line = element("tr");
    line.append(element("th", { scope: "row" }, dayAndTime(row.start)));
    if (row.is_gap) line.append(element("td", { colspan: 4, class: "gap-cell" }, text("no_data")));
    else line.append(figure(row.mean), figure(row.minimum), figure(row.maximum),
      element("td", { class: "number" }, row.bad_count ? String(row.bad_count) : ""));
    return line;
  });
  document.getElementById("plot-rows").replaceChildren(...rows);
  setText(document.getElementById("plot-mean-head"), data.is_energy ? text("energy") : text("mean"));
}

function showNotes(data) {
  const bad = document.getElementById("plot-bad");
  bad.hidden = data.bad_count === 0;
  setText(bad.lastElementChild, text(data.bad_count === 1 ? "bad_one" : "bad_many", { count: data.bad_count }));
  const file = document.getElementById("plot-csv");
  if (file) file.href = `${plot.dataset.csvBase}?${data.api_query}`;
}

async function load() {
  const query = new URLSearchParams({ sensor: chosen.sensor, range: chosen.range });
  const wanted = query.toString();
  try {
    const response = await fetch(`${plot.dataset.seriesUrl}?${query}`, { headers: { Accept: "application/json" } });
    if (!response.ok || response.redirected) return;
    const data = await response.json();
    // Another one was chosen meanwhile.
    if (wanted === new URLSearchParams({ sensor: chosen.sensor, range: chosen.range }).toString()) draw(data);
  } catch {
    // The line is down: the banner says so, and the next turn tries again.
  }
}

function choose(change) {
  chosen = { ...chosen, ...change };
  for (const button of plot.querySelectorAll("[name=range]")) {
    button.setAttribute("aria-pressed", String(button.value === chosen.range));
  }
  history.replaceState(null, "", `?${new URLSearchParams(chosen)}`);
  clearInterval(timer);
  timer = setInterval(load, RELOAD_CHART_MS[chosen.range]);
  return load();
}

function startChart() {
  const first = JSON.parse(document.getElementById("plot-data").textContent);
  chosen = { sensor: String(first.sensor_id), range: first.range };
  draw(first);
  timer = setInterval(load, RELOAD_CHART_MS[first.range]);
  const select = document.getElementById("plot-sensor");
  select.addEventListener("change", () => choose({ sensor: select.value }));
  plot.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.value) choose({ range: event.submitter.value });
  });
  now.addEventListener("click", (event) => {
    const link = event.target.closest("[data-sensor] a");
    if (!link) return;
    event.preventDefault();
    select.value = link.closest("[data-sensor]").dataset.sensor;
    choose({ sensor: select.value });
    plot.scrollIntoView({ block: "nearest" });
  });
}

// --- what changes by itself ---------------------------------------------------------

// Somebody is writing a note: the parts wait.
const isBusy = () => document.querySelector("details.ack[open]") !== null;
let alarms = null;
let reloadedAt = Date.now();
let isLoading = false;

async function reload() {
  if (isLoading || isBusy()) return;
  isLoading = true;
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "device" } });
    if (!response.ok || response.redirected || isBusy()) return;
    const focused = document.activeElement?.closest?.("[data-sensor], [data-alarm]")?.dataset;
    const isOpen = document.getElementById("sensor-parts")?.open;
    const parts = document.createRange().createContextualFragment(await response.text());
    for (const host of [alerts, now]) {
      host.replaceChildren(...parts.querySelector(`[data-part-of="${host.id}"]`).childNodes);
    }
    if (isOpen) document.getElementById("sensor-parts").open = true;
    if (focused?.sensor) now.querySelector(`[data-sensor="${focused.sensor}"] a`)?.focus();
    if (focused?.alarm) document.querySelector(`[data-alarm="${focused.alarm}"] summary`)?.focus();
    reloadedAt = Date.now();
  } catch {
    alarms = null;
  } finally {
    isLoading = false;
  }
}

onSnapshot((snapshot) => {
  const changed = JSON.stringify(snapshot.alarms);
  const isNew = alarms !== null && alarms !== changed;
  alarms = changed;
  if (isNew || Date.now() - reloadedAt >= RELOAD_NOW_MS) reload();
});

if (plot) startChart();
