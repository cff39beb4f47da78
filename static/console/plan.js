// The schedule of a day: one chart to zoom into, a line chosen by the picker, a quarter hour by
// click or keys, the reasons behind it, and everything kept up to date.

import { TimeChart } from "./chart.js";
import { showControl } from "./control.js";
import { percent, power, price, setText, timeOfDay } from "./format.js";
import { onSnapshot } from "./live.js";

const RELOAD_MS = 60000;
const WAIT_MS = 160;
const SLOT_S = 900;
const NARROWEST_S = 2 * 3600;
const NARROW_PX = 520;
const root = document.getElementById("schedule");
const words = root ? JSON.parse(document.getElementById("plan-words").textContent) : {};

class Schedule {
  constructor() {
    this.picker = document.getElementById("schedule-device");
    this.host = document.getElementById("schedule-chart");
    this.legend = document.getElementById("schedule-legend");
    this.why = document.getElementById("schedule-why");
    this.slot = Number(this.host.getAttribute("aria-valuenow"));
    this.query = new URLSearchParams({ site: root.dataset.site, day: root.dataset.day });
    this.asking = 0;
    this.take(JSON.parse(document.getElementById("plan-day").textContent));
    this.begin();
  }

  take(day) {
    this.day = day;
    this.draw();
  }

  get course() {
    return this.day.courses.find((course) => course.key === this.picker.value) ?? this.day.courses[0];
  }

  // Each line by its own scale; only those that the chosen one has.
  lines() {
    const { course, day } = this;
    const [plan, actual, upper, lower] = [
      course.planned_kw, course.actual_kw, course.upper_kw, course.lower_kw,
    ];
    // A phone has room for one more axis; the legend tells the other figures.
    const hasAxis = this.host.clientWidth >= NARROW_PX;
    const all = [
      { key: "actual", label: words.actual, colour: "--battery", swatch: "battery", scale: "kW", fill: 14, width: 2.5, format: power, values: middled(actual) },
      { key: "planned", label: words.planned, colour: "--accent", swatch: "plan", scale: "kW", step: true, width: 1.8, format: power, values: stepped(plan) },
      { key: "price", label: words.price, colour: "--price", swatch: "price", scale: "price", step: true, width: 1.4, format: price, values: stepped(day.price_eur_per_mwh) },
      { key: "soc", label: words.soc, colour: "--pv", swatch: "pv", scale: "percent", hasAxis, width: 2, format: percent, values: edged(course.actual_soc_percent) },
      { key: "soc_planned", label: words.soc_planned, colour: "--pv", swatch: "pv", scale: "percent", hasAxis, dash: [5, 4], width: 1.6, format: percent, values: edged(course.planned_soc_percent) },
      { key: "upper", label: words.upper, colour: "--bad", swatch: "limit", scale: "kW", step: true, dash: [8, 4], width: 1.4, format: power, values: stepped(upper) },
      { key: "lower", label: words.lower, colour: "--bad", swatch: "limit", scale: "kW", step: true, dash: [3, 3], width: 1.4, format: power, values: stepped(lower) },
      { key: "soc_max", label: words.soc_max, colour: "--muted", swatch: "window", scale: "percent", hasAxis, dash: [8, 4], width: 1.2, format: percent, values: always(course.soc_max_percent, course.planned_soc_percent.length) },
      { key: "soc_min", label: words.soc_min, colour: "--muted", swatch: "window", scale: "percent", hasAxis, dash: [3, 3], width: 1.2, format: percent, values: always(course.soc_min_percent, course.planned_soc_percent.length) },
    ];
    return all.filter(({ values }) => values.some((value) => value !== null));
  }

  draw() {
    const lines = this.lines();
    const shape = lines.map((line) => line.key).join();
    if (!this.chart || shape !== this.shape) {
      const seen = this.chart?.zoomed ? this.chart.window : null;
      this.chart?.destroy();
      this.shape = shape;
      this.chart = new TimeChart({
        host: this.host, legend: this.legend, series: lines, onWindow: () => this.windowShown(),
      });
      this.fill(lines);
      if (seen) this.chart.show(seen);
    } else this.fill(lines);
    this.windowShown();
    this.host.dataset.ready = this.course.key;
  }

  fill(lines) {
    const { day } = this;
    const times = day.times_s.flatMap((at) => [at, at + SLOT_S / 2]);
    const chosen = day.times_s[this.slot];
    this.chart.set([...times, day.end_s], lines.map((line) => line.values), {
      now: day.now_s,
      range: [day.start_s, day.end_s],
      step: SLOT_S / 2,
      shades: [
        ...day.requests.map((one) => ({ from: one.start_s, to: one.end_s, colour: "--warn", words: one.label })),
        { from: chosen, to: chosen + SLOT_S, colour: "--accent", words: "" },
      ],
    });
  }

  windowShown() {
    if (!this.chart?.plot) return;
    const [from, to] = this.chart.window;
    const span = `${timeOfDay(from * 1000)} – ${timeOfDay(to * 1000)}`;
    setText(document.getElementById("schedule-window"), this.chart.zoomed ? span : "");
    document.getElementById("schedule-all").disabled = !this.chart.zoomed;
  }

  // `factor` < 1 shows less; `anchor` stays where it is (seconds).
  zoom(factor, anchor = null) {
    const [from, to] = this.chart.window;
    const { start_s: first, end_s: last } = this.day;
    const length = Math.max(NARROWEST_S, (to - from) * factor);
    if (length >= last - first) return this.chart.show(null);
    const centre = anchor ?? Math.min(to, Math.max(from, this.day.times_s[this.slot] + SLOT_S / 2));
    const begin = centre - ((centre - from) / (to - from)) * length;
    return this.chart.show(within(begin, length, first, last));
  }

  pan(share) {
    if (!this.chart.zoomed) return;
    const [from, to] = this.chart.window;
    const { start_s: first, end_s: last } = this.day;
    this.chart.show(within(from + (to - from) * share, to - from, first, last));
  }

  choose(slot) {
    this.slot = Math.min(Math.max(slot, 0), this.day.times_s.length - 1);
    const at = this.day.times_s[this.slot];
    this.host.setAttribute("aria-valuenow", this.slot);
    this.host.setAttribute("aria-valuetext", this.spoken());
    const [from, to] = this.chart.window;
    if (this.chart.zoomed && (at < from || at + SLOT_S > to)) {
      this.chart.show(within(at - (to - from) / 2, to - from, this.day.start_s, this.day.end_s));
    }
    this.fill(this.lines());
    this.keep();
    this.explain();
  }

  spoken() {
    const { course, slot, day } = this;
    const parts = [
      timeOfDay(day.times_s[slot] * 1000),
      `${words.planned} ${power(course.planned_kw[slot])}`,
      `${words.actual} ${power(course.actual_kw[slot])}`,
      `${words.price} ${price(day.price_eur_per_mwh[slot])}`,
    ];
    return parts.join(", ");
  }

  // The address names what is shown, so that a reload or another language shows the same.
  keep() {
    const query = new URLSearchParams(location.search);
    query.set("device", this.picker.value);
    query.set("slot", this.slot);
    history.replaceState(history.state, "", `?${query}`);
  }

  explain() {
    clearTimeout(this.waiting);
    const asking = ++this.asking;
    this.waiting = setTimeout(async () => {
      if (!this.course.is_explained) {
        this.why.replaceChildren(this.hint());
        return;
      }
      const at = new Date(this.day.times_s[this.slot] * 1000).toISOString();
      const query = new URLSearchParams({ site: root.dataset.site, device: this.course.key, at });
      try {
        const response = await fetch(`${root.dataset.why}?${query}`, { headers: { "X-Fragment": "why" } });
        if (!response.ok || asking !== this.asking) return;
        const answer = await response.text();
        if (asking !== this.asking) return;
        if (answer !== this.answer) this.why.innerHTML = answer;
        this.answer = answer;
      } catch {
        // The line is down: the banner says so, and the next choice tries again.
      }
    }, WAIT_MS);
  }

  hint() {
    const line = document.createElement("p");
    line.className = "muted";
    line.textContent = words.choose;
    this.answer = null;
    return line;
  }

  tabled() {
    const { course, day } = this;
    setText(document.getElementById("slots-title"), course.label);
    for (const row of document.querySelectorAll("#schedule-slots tr[data-slot]")) {
      const n = Number(row.dataset.slot);
      const part = (name, value) => setText(row.querySelector(`[data-part="${name}"]`), value);
      part("planned", power(course.planned_kw[n], "kW"));
      part("actual", power(course.actual_kw[n], "kW"));
      part("planned_soc", percent(course.planned_soc_percent[n]));
      part("actual_soc", percent(course.actual_soc_percent[n]));
      const [upper, lower] = [course.upper_kw[n] ?? null, course.lower_kw[n] ?? null];
      const none = upper === null && lower === null;
      part("limit", none ? "–" : `${power(lower, "kW")} … ${power(upper, "kW")}`);
      row.classList.toggle("is-now", day.times_s[n] <= day.now_s && day.now_s < day.times_s[n] + SLOT_S);
    }
  }

  async reload() {
    try {
      const response = await fetch(`${root.dataset.source}?${this.query}`, { headers: { Accept: "application/json" } });
      if (!response.ok) return;
      this.take(await response.json());
      this.tabled();
      this.explain();
    } catch {
      // The line is down: the banner says so, and the next turn tries again.
    }
  }

  begin() {
    document.getElementById("schedule-go").hidden = true;
    document.getElementById("schedule-tools").hidden = false;
    const table = document.getElementById("schedule-table");
    if (location.hash !== "#schedule-table") table.open = false;
    this.host.setAttribute("aria-valuetext", this.spoken());
    this.picker.addEventListener("change", () => {
      this.draw();
      this.tabled();
      this.choose(this.slot);
    });
    const buttons = { "schedule-in": () => this.zoom(0.5), "schedule-out": () => this.zoom(2), "schedule-all": () => this.chart.show(null), "schedule-left": () => this.pan(-0.5), "schedule-right": () => this.pan(0.5) };
    for (const [id, act] of Object.entries(buttons)) document.getElementById(id).addEventListener("click", act);
    this.host.addEventListener("click", (event) => {
      const at = this.under(event);
      if (at !== null && !this.dragged) this.choose(Math.floor((at - this.day.start_s) / SLOT_S));
    });
    // What was dragged over is zoomed into; the click that ends it chooses nothing.
    this.host.addEventListener("pointerdown", (event) => { this.pressed = event.clientX; this.dragged = false; });
    this.host.addEventListener("pointerup", (event) => { this.dragged = Math.abs(event.clientX - this.pressed) > 5; });
    this.host.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.host.addEventListener("keydown", (event) => this.typed(event));
    document.querySelector("#schedule-slots").addEventListener("click", (event) => {
      const link = event.target.closest("a[data-slot-link]");
      if (!link) return;
      event.preventDefault();
      this.choose(Number(link.dataset.slotLink));
      document.getElementById("why-title").scrollIntoView({ block: "nearest" });
    });
    setInterval(() => this.reload(), RELOAD_MS);
    let followed;
    onSnapshot((snapshot) => {
      showControl(snapshot.control);
      const key = `${snapshot.control.plan_id} ${snapshot.control.mode}`;
      if (followed !== undefined && followed !== key) setTimeout(() => this.reload(), 500);
      followed = key;
    });
  }

  // The instant under the pointer, in seconds; null beside the plot.
  under(event) {
    const box = this.host.querySelector(".u-over").getBoundingClientRect();
    const x = event.clientX - box.left;
    const [from, to] = this.chart.window;
    return x < 0 || x > box.width ? null : from + (x / box.width) * (to - from);
  }

  // The wheel zooms where the reader is at work; elsewhere it goes on scrolling the page.
  wheeled(event) {
    const isMeant = event.ctrlKey || event.metaKey || this.chart.zoomed || document.activeElement === this.host;
    const at = this.under(event);
    if (!isMeant || at === null) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(Math.sign(event.deltaX) * 0.1);
    else this.zoom(event.deltaY < 0 ? 0.8 : 1.25, at);
  }

  typed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const acts = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.chart.show(null),
      ArrowLeft: () => (event.shiftKey ? this.pan(-0.25) : this.choose(this.slot - 1)),
      ArrowRight: () => (event.shiftKey ? this.pan(0.25) : this.choose(this.slot + 1)),
      ArrowDown: () => this.choose(this.slot - 1), ArrowUp: () => this.choose(this.slot + 1),
      PageDown: () => this.choose(this.slot - 4), PageUp: () => this.choose(this.slot + 4),
      Home: () => this.choose(0), End: () => this.choose(this.day.times_s.length - 1),
    };
    const act = acts[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  }
}

// A value holds from its slot's begin to its end.
function stepped(values) {
  return [...values.flatMap((value) => [value, value]), values.at(-1) ?? null];
}

// A mean lies in the middle of its slot; on the edge between two it is in the middle of both.
function middled(values) {
  const found = [];
  values.forEach((value, n) => {
    const before = values[n - 1] ?? null;
    found.push(value !== null && before !== null ? (value + before) / 2 : null, value);
  });
  return [...found, null];
}

// A state is known at the edges; in the middle it is in the middle of both.
function edged(values) {
  const found = [];
  values.forEach((value, n) => {
    const after = values[n + 1] ?? null;
    found.push(value, value !== null && after !== null ? (value + after) / 2 : null);
  });
  return [...found, null];
}

function always(value, count) {
  return new Array(2 * count + 1).fill(value);
}

// [begin, begin + length] pushed to lie in [first, last].
function within(begin, length, first, last) {
  const from = Math.min(Math.max(begin, first), last - length);
  return [from, from + length];
}

if (root) new Schedule();
else onSnapshot((snapshot) => showControl(snapshot.control));
