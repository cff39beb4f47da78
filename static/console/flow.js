// The power flow: bands as wide as the power, from the sources through the hub to the sinks.

import { power, setText, svgElement, text } from "./format.js";

const HEIGHT = 300;
const HUB_X = 50;
const HUB_WIDTH = 1.6;
const WIDEST = 150;
const SLOTS = { in: ["pv", "battery", "grid"], out: ["charging", "battery", "grid"] };
// Nodes that can, rarely, stand on the other side: an inverter draws a little at night.
const SHARED_SLOT = { "in:charging": "grid", "out:pv": "charging" };

function shares(list) {
  return new Map(list.map((share) => [share.key, share.power_kw]));
}

function slotOf(side, key) {
  const index = SLOTS[side].indexOf(SHARED_SLOT[`${side}:${key}`] ?? key);
  return (index + 0.5) * (HEIGHT / 3);
}

// One side's bands: at the outer edge each is centred on its node, at the hub they are stacked.
function bandsOf(side, powers, totalKw) {
  const scale = totalKw > 0 ? WIDEST / totalKw : 0;
  const stacked = [...powers].filter(([, powerKw]) => powerKw > 0);
  stacked.sort((one, other) => slotOf(side, one[0]) - slotOf(side, other[0]));
  let y = HEIGHT / 2 - (totalKw * scale) / 2;
  return stacked.map(([key, powerKw]) => {
    const width = powerKw * scale;
    const band = { key, side, powerKw, width, outer: slotOf(side, key), hub: y + width / 2 };
    y += width;
    return band;
  });
}

function path(band) {
  const [outerX, hubX] =
    band.side === "in" ? [0, HUB_X - HUB_WIDTH / 2] : [100, HUB_X + HUB_WIDTH / 2];
  const middle = (outerX + hubX) / 2;
  const half = Math.max(band.width, 1.5) / 2;
  const outerHalf = Math.min(half, HEIGHT / 6 - 4);
  return {
    area:
      `M${outerX} ${band.outer - outerHalf}` +
      `C${middle} ${band.outer - outerHalf} ${middle} ${band.hub - half} ${hubX} ${band.hub - half}` +
      `L${hubX} ${band.hub + half}` +
      `C${middle} ${band.hub + half} ${middle} ${band.outer + outerHalf} ${outerX} ${band.outer + outerHalf}Z`,
    line:
      band.side === "in"
        ? `M${outerX} ${band.outer}C${middle} ${band.outer} ${middle} ${band.hub} ${hubX} ${band.hub}`
        : `M${hubX} ${band.hub}C${middle} ${band.hub} ${middle} ${band.outer} ${outerX} ${band.outer}`,
  };
}

function speed(powerKw, totalKw) {
  const share = totalKw > 0 ? powerKw / totalKw : 0;
  if (share > 0.45) return "stream-fast stream-wide";
  return share > 0.12 ? "" : "stream-slow";
}

// Elements are kept between snapshots, so that a running animation does not jump.
const drawn = new Map();

export function drawFlow(flow, unit) {
  const svg = document.getElementById("flow-svg");
  const powers = { in: shares(flow.sources), out: shares(flow.sinks) };
  const seen = new Set();
  const total = { in: flow.in_kw, out: flow.out_kw };
  for (const side of ["in", "out"]) {
    for (const band of bandsOf(side, powers[side], total[side])) {
      const id = `${side}-${band.key}`;
      seen.add(id);
      if (!drawn.has(id)) {
        const area = svgElement("path", { class: `band band-${band.key}` });
        const line = svgElement("path", {});
        svg.prepend(area);
        svg.append(line);
        drawn.set(id, { area, line });
      }
      const { area, line } = drawn.get(id);
      const shape = path(band);
      area.setAttribute("d", shape.area);
      line.setAttribute("d", shape.line);
      const name = `stream stream-${band.key} ${speed(band.powerKw, total[side])}`.trim();
      if (line.getAttribute("class") !== name) line.setAttribute("class", name);
    }
  }
  for (const [id, { area, line }] of drawn) {
    if (!seen.has(id)) {
      area.remove();
      line.remove();
      drawn.delete(id);
    }
  }
  drawHub(svg, flow.in_kw);
  writeFigures(powers, unit);
  document.getElementById("flow-partial").hidden = !flow.is_partial;
}

function drawHub(svg, totalKw) {
  let hub = svg.querySelector(".flow-hub");
  if (!hub) {
    hub = svgElement("rect", { class: "flow-hub", x: HUB_X - HUB_WIDTH / 2, width: HUB_WIDTH });
    svg.append(hub);
  }
  const height = totalKw > 0 ? WIDEST : 2;
  hub.setAttribute("y", HEIGHT / 2 - height / 2);
  hub.setAttribute("height", height);
}

function writeFigures(powers, unit) {
  for (const node of document.querySelectorAll(".flow-node")) {
    const powerKw = powers[node.dataset.side].get(node.dataset.node) ?? 0;
    node.dataset.active = String(powerKw > 0);
    setText(node.querySelector("[data-figure]"), power(powerKw, unit));
  }
  for (const cell of document.querySelectorAll("[data-cell]")) {
    const [side, key] = cell.dataset.cell.split("-");
    setText(cell, power(powers[side].get(key) ?? 0, unit));
  }
}

// The same in one sentence, for screen readers.
export function flowSentence(flow, control) {
  const direction = flow.battery_power_kw > 0 ? text("charging") : text("discharging");
  const batteryIdle = Math.abs(flow.battery_power_kw) < 0.05;
  const grid = flow.grid_power_kw >= 0 ? text("import") : text("export");
  return text("summary", {
    pv: power(Math.max(0, -flow.pv_power_kw)),
    battery: batteryIdle ? text("idle") : `${direction} ${power(Math.abs(flow.battery_power_kw))}`,
    charging: power(flow.charging_power_kw),
    grid: `${grid} ${power(Math.abs(flow.grid_power_kw))}`,
    control,
  });
}
