// The map of the island: coastline and assets as SVG, moved by mouse, touch, buttons and keys.

import { badge, element, energy, icon, percent, power, setBadge, setText, stateWord, svgElement, text, timeWithSeconds } from "./format.js";
import { onSnapshot } from "./live.js";

const svg = document.getElementById("island");
const detail = document.getElementById("map-detail");
const list = document.getElementById("asset-list");
const island = JSON.parse(document.getElementById("island-data").textContent);
const assets = new Map(island.assets.map((asset) => [asset.asset_id, asset]));

// World units: 1000 to a degree of latitude; longitude shrinks with the cosine of the latitude.
const SCALE = 1000;
const placed = island.assets.filter((asset) => asset.latitude !== null && asset.longitude !== null);
const middle = placed.reduce((sum, asset) => sum + asset.latitude, 0) / (placed.length || 1);
const shrink = Math.cos((middle * Math.PI) / 180);
const project = (longitude, latitude) => [longitude * SCALE * shrink, -latitude * SCALE];

const land = svgElement("g");
const places = svgElement("g");
const markers = svgElement("g");
svg.append(land, places, markers);
const nodes = new Map();
const home = boxOf(placed.map((asset) => project(asset.longitude, asset.latitude)), 70);
let whole = boxOf(placed.map((asset) => project(asset.longitude, asset.latitude)), 60);
let view = { ...home };
let chosen = null;

function boxOf(points, margin) {
  if (!points.length) return { x: 0, y: 0, width: 1000, height: 1000 };
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const x = Math.min(...xs) - margin;
  const y = Math.min(...ys) - margin;
  return { x, y, width: Math.max(...xs) + margin - x, height: Math.max(...ys) + margin - y };
}

// Ponds of a few hundred metres are specks at this scale; outlines are drawn always.
function isDrawn(ring, index) {
  if (index === 0) return true;
  const box = boxOf(ring.map(([longitude, latitude]) => project(longitude, latitude)), 0);
  return Math.max(box.width, box.height) > 18;
}

async function drawLand() {
  if (!svg.dataset.coastline) return;
  const response = await fetch(svg.dataset.coastline);
  if (!response.ok) return;
  const coast = await response.json();
  const points = [];
  const data = coast.features[0].geometry.coordinates
    .map((polygon) => polygon.filter(isDrawn).map((ring) => {
      const projected = ring.map(([longitude, latitude]) => project(longitude, latitude));
      points.push(...projected);
      return `M${projected.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
    }).join(""))
    .join("");
  land.append(
    svgElement("path", { class: "shelf", d: data }),
    svgElement("path", { class: "land", d: data, "fill-rule": "evenodd" }),
  );
  whole = boxOf([...points, ...placed.map((asset) => project(asset.longitude, asset.latitude))], 30);
  apply();
}

// --- view ---------------------------------------------------------------------

const pixel = () => {
  const box = svg.getBoundingClientRect();
  return Math.max(view.width / (box.width || 1), view.height / (box.height || 1));
};

function apply() {
  svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  arrange();
}

function zoom(factor, centre) {
  const limit = whole.width / 40;
  const width = Math.min(whole.width * 1.4, Math.max(limit, view.width / factor));
  const ratio = width / view.width;
  const [x, y] = centre ?? [view.x + view.width / 2, view.y + view.height / 2];
  view = {
    x: x - (x - view.x) * ratio,
    y: y - (y - view.y) * ratio,
    width,
    height: view.height * ratio,
  };
  keepNear();
  apply();
}

function move(dx, dy) {
  view.x += dx;
  view.y += dy;
  keepNear();
  apply();
}

function keepNear() {
  const middleX = Math.min(whole.x + whole.width, Math.max(whole.x, view.x + view.width / 2));
  const middleY = Math.min(whole.y + whole.height, Math.max(whole.y, view.y + view.height / 2));
  view.x = middleX - view.width / 2;
  view.y = middleY - view.height / 2;
}

function fit() {
  view = { ...home };
  apply();
}

function pointAt(clientX, clientY) {
  const matrix = svg.getScreenCTM().inverse();
  const point = new DOMPoint(clientX, clientY).matrixTransform(matrix);
  return [point.x, point.y];
}

// --- markers: constant size on screen, moved apart where they would hide each other ----

const MARKER_GAP_PX = 27;
const NARROW_PX = 480;

function arrange() {
  // On a phone everything on the map is a little smaller.
  const unit = pixel() * (svg.clientWidth < NARROW_PX ? 0.8 : 1);
  const spots = [];
  for (const [id, node] of nodes) {
    if (node.hasAttribute("hidden")) continue;
    const asset = assets.get(id);
    spots.push({ node, home: project(asset.longitude, asset.latitude), at: null });
  }
  for (const spot of spots) spot.at = [...spot.home];
  for (let round = 0; round < 12; round += 1) {
    let moved = false;
    for (let i = 0; i < spots.length; i += 1) {
      for (let j = i + 1; j < spots.length; j += 1) {
        const one = spots[i].at;
        const other = spots[j].at;
        let dx = other[0] - one[0];
        let dy = other[1] - one[1];
        let distance = Math.hypot(dx, dy);
        const gap = MARKER_GAP_PX * unit;
        if (distance >= gap) continue;
        if (distance < unit * 0.01) {
          dx = Math.cos(i + j);
          dy = Math.sin(i + j);
          distance = 1;
        }
        const push = (gap - Math.min(distance, gap)) / 2 / distance;
        one[0] -= dx * push;
        one[1] -= dy * push;
        other[0] += dx * push;
        other[1] += dy * push;
        moved = true;
      }
    }
    if (!moved) break;
  }
  for (const { node, at } of spots) {
    node.setAttribute("transform", `translate(${at[0].toFixed(2)} ${at[1].toFixed(2)}) scale(${unit.toFixed(4)})`);
  }
  labelPlaces(unit, spots);
}

// Names of communes where there is room for them.
function labelPlaces(unit, spots) {
  const taken = spots.map(({ at }) => ({ x: at[0], y: at[1], w: 26 * unit, h: 26 * unit }));
  for (const label of places.children) {
    const [x, y] = [Number(label.dataset.x), Number(label.dataset.y)];
    const w = label.textContent.length * 6.4 * unit;
    const h = 13 * unit;
    const spot = [[0, 30], [0, -26], [0, 46], [0, -42]]
      .map(([dx, dy]) => ({ x: x + dx * unit, y: y + (dy - 4) * unit, w, h }))
      .find((box) => !taken.some((other) => overlaps(box, other)));
    label.toggleAttribute("hidden", !spot);
    if (spot) {
      taken.push(spot);
      label.setAttribute("transform", `translate(${spot.x} ${spot.y + 4 * unit}) scale(${unit})`);
    }
  }
}

const overlaps = (one, other) =>
  Math.abs(one.x - other.x) < (one.w + other.w) / 2 && Math.abs(one.y - other.y) < (one.h + other.h) / 2;

const SHAPES = {
  pv: () => svgElement("circle", { class: "marker-shape", r: 12 }),
  battery: () => svgElement("rect", { class: "marker-shape", x: -11, y: -11, width: 22, height: 22, rx: 5 }),
  station: () => svgElement("path", { class: "marker-shape", d: "M0-14 14 0 0 14-14 0z" }),
  meter: () => svgElement("path", { class: "marker-shape", d: "M-13-5-5-13H5L13-5V5L5 13H-5L-13 5z" }),
};

function drawMarkers() {
  for (const asset of placed) {
    const node = svgElement("g", {
      class: `marker marker-${asset.kind}`, role: "button", tabindex: "0", "aria-pressed": "false",
    });
    node.dataset.asset = asset.asset_id;
    const symbol = svgElement("use", {
      href: `${document.body.dataset.icons}#${asset.kind}`, x: -7, y: -7, width: 14, height: 14, class: "icon marker-icon",
    });
    node.append(
      svgElement("circle", { class: "marker-ring", r: 18 }), SHAPES[asset.kind](), symbol,
      svgElement("circle", { class: "marker-flag", r: 5.5, cx: 10, cy: -10 }),
      svgElement("path", { class: "marker-flag-mark" }),
    );
    nodes.set(asset.asset_id, node);
    markers.append(node);
    drawState(asset);
  }
  const communes = new Map();
  for (const asset of placed) {
    if (asset.commune && !communes.has(asset.commune)) communes.set(asset.commune, asset);
  }
  for (const [commune, asset] of communes) {
    const label = svgElement("text", { class: "place" });
    label.textContent = commune;
    [label.dataset.x, label.dataset.y] = project(asset.longitude, asset.latitude);
    places.append(label);
  }
}

const familyOf = (asset) => (asset.kind === "station" ? "station" : "device");

// The flag at a marker's corner: colour and, for trouble, a mark that does not need colour.
function drawState(asset) {
  const node = nodes.get(asset.asset_id);
  if (!node) return;
  const word = stateWord(familyOf(asset), asset.state);
  node.querySelector(".marker-flag").setAttribute("class", `marker-flag flag-${word.tone}`);
  const marks = { warn: "M10-13v3.500M10-7.200v.1", bad: "M8-12l4 4M12-12l-4 4" };
  node.querySelector(".marker-flag-mark").setAttribute("d", marks[word.tone] ?? "M0 0");
  node.setAttribute("aria-label", `${asset.name}, ${word.label}, ${power(shown(asset))}`);
}

// A PV plant's production is positive for the reader.
const shown = (asset) =>
  asset.kind === "pv" && asset.power_kw !== null ? -asset.power_kw : asset.power_kw;

// --- detail card ------------------------------------------------------------------

function choose(id, { fromMap = true } = {}) {
  chosen = id;
  for (const [key, node] of nodes) node.setAttribute("aria-pressed", String(key === id));
  for (const row of list.querySelectorAll(".asset-row")) {
    row.setAttribute("aria-pressed", String(row.parentElement.dataset.asset === id));
  }
  detail.hidden = id === null;
  if (id === null) return;
  drawDetail(assets.get(id));
  const row = list.querySelector(`[data-asset="${CSS.escape(id)}"]`);
  const isSideBySide = list.scrollHeight > list.clientHeight;
  if (fromMap && row && isSideBySide) list.scrollTop = row.offsetTop - list.offsetTop - 60;
  if (!fromMap) bringIntoView(assets.get(id));
}

function bringIntoView(asset) {
  if (asset.latitude === null) return;
  const [x, y] = project(asset.longitude, asset.latitude);
  const inside = x > view.x && x < view.x + view.width && y > view.y && y < view.y + view.height;
  if (!inside) move(x - view.x - view.width / 2, y - view.y - view.height / 2);
}

function facts(asset) {
  const rows = [[text("power"), power(shown(asset))]];
  if (asset.kind === "battery") {
    rows.push(
      [text("soc"), percent(asset.soc_percent)],
      [text("setpoint"), power(asset.setpoint_kw)],
      [text("capacity"), energy(asset.capacity_kwh)],
    );
  }
  rows.push([text("rated_power"), power(asset.rated_power_kw)], [text("commune"), asset.commune || "–"]);
  if (asset.kind !== "station") {
    rows.push([text("last_value"), asset.at ? timeWithSeconds(asset.at) : text("never")]);
  }
  return rows;
}

function drawDetail(asset) {
  const head = element("header");
  const title = element("div");
  title.append(element("h3", {}, asset.name), element("span", { class: "sub" }, asset.asset_id));
  const close = element("button", { type: "button", class: "icon-button", "aria-label": text("close") });
  close.append(icon("close"));
  close.addEventListener("click", () => {
    const id = chosen;
    choose(null);
    nodes.get(id)?.focus();
  });
  head.append(title, close);
  const states = element("p", { class: "chips" });
  states.append(badge(familyOf(asset), asset.state));
  if (asset.kind !== "station") states.append(badge("activity", asset.activity));
  const table = element("dl", { class: "facts" });
  for (const [name, value] of facts(asset)) {
    table.append(element("dt", {}, name), element("dd", {}, value));
  }
  detail.replaceChildren(head, states, table);
  if (asset.device_id) {
    detail.append(element("a", { href: `/devices/${asset.device_id}/` }, text("open_device")));
  }
  if (asset.session_id) {
    detail.append(element("a", { href: `/sessions/${asset.session_id}/` }, text("open_session")));
  }
  detail.dataset.state = `${asset.state}:${asset.activity}:${asset.session_id}`;
}

function updateDetail(asset) {
  if (detail.dataset.state !== `${asset.state}:${asset.activity}:${asset.session_id}`) {
    const hadFocus = detail.contains(document.activeElement);
    drawDetail(asset);
    if (hadFocus) detail.querySelector("button").focus();
    return;
  }
  const values = detail.querySelectorAll("dd");
  facts(asset).forEach(([, value], n) => setText(values[n], value));
}

// --- filters --------------------------------------------------------------------------

const kinds = new Set(["pv", "battery", "meter", "station"]);
const stateFilter = document.getElementById("filter-state");
const textFilter = document.getElementById("filter-text");
const TROUBLE = new Set(["warn", "bad"]);

function matches(asset) {
  if (!kinds.has(asset.kind)) return false;
  const wanted = stateFilter.value;
  if (wanted === "trouble" && !TROUBLE.has(stateWord(familyOf(asset), asset.state).tone)) return false;
  if (wanted === "active" && ["idle", "unknown"].includes(asset.activity)) return false;
  const words = textFilter.value.trim().toLocaleLowerCase();
  return !words || `${asset.name} ${asset.asset_id} ${asset.commune}`.toLocaleLowerCase().includes(words);
}

function filter() {
  let count = 0;
  let changed = false;
  for (const item of list.children) {
    const isShown = matches(assets.get(item.dataset.asset));
    count += isShown;
    item.hidden = !isShown;
    const node = nodes.get(item.dataset.asset);
    if (node && node.hasAttribute("hidden") === isShown) {
      node.toggleAttribute("hidden", !isShown);
      changed = true;
    }
  }
  setText(document.getElementById("shown-count"), text("shown", { count, total: assets.size }));
  document.getElementById("no-assets").hidden = count > 0;
  if (changed) arrange();
}

// --- events -----------------------------------------------------------------------------

const pointers = new Map();
let dragged = 0;

svg.addEventListener("pointerdown", (event) => {
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  dragged = 0;
});
svg.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const after = [event.clientX, event.clientY];
  if (pointers.size === 1) {
    dragged += Math.hypot(after[0] - before[0], after[1] - before[1]);
    if (dragged > 4) {
      svg.setPointerCapture(event.pointerId);
      move((before[0] - after[0]) * pixel(), (before[1] - after[1]) * pixel());
    }
  } else if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const span = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
    dragged = 10;
    zoom(span(after) / (span(before) || 1), pointAt((after[0] + other[0]) / 2, (after[1] + other[1]) / 2));
  }
  pointers.set(event.pointerId, after);
});
for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
  svg.addEventListener(name, (event) => pointers.delete(event.pointerId));
}
svg.addEventListener("click", (event) => {
  const node = event.target.closest(".marker");
  if (dragged > 4) return;
  if (node) choose(node.dataset.asset);
  else choose(null);
});
svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, pointAt(event.clientX, event.clientY));
}, { passive: false });
svg.addEventListener("focusin", (event) => {
  const node = event.target.closest(".marker");
  if (node?.matches(":focus-visible")) choose(node.dataset.asset);
});
svg.addEventListener("keydown", (event) => {
  const node = event.target.closest(".marker");
  const step = view.width / 10;
  const actions = {
    ArrowLeft: () => move(-step, 0), ArrowRight: () => move(step, 0),
    ArrowUp: () => move(0, -step), ArrowDown: () => move(0, step),
    "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: fit,
    Escape: () => choose(null),
    ...(node ? { Enter: () => choose(node.dataset.asset), " ": () => choose(node.dataset.asset) } : {}),
  };
  if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[event.key]();
});
for (const button of document.querySelectorAll("[data-map]")) {
  button.addEventListener("click", () => {
    ({ in: () => zoom(1.4), out: () => zoom(1 / 1.4), fit })[button.dataset.map]();
  });
}
list.addEventListener("click", (event) => {
  const row = event.target.closest("[data-asset]");
  if (row) choose(row.dataset.asset, { fromMap: false });
});
for (const chip of document.querySelectorAll("[data-kind]")) {
  chip.addEventListener("click", () => {
    const { kind } = chip.dataset;
    if (kinds.has(kind)) kinds.delete(kind);
    else kinds.add(kind);
    chip.setAttribute("aria-pressed", String(kinds.has(kind)));
    filter();
  });
}
stateFilter.addEventListener("change", filter);
textFilter.addEventListener("input", filter);
new ResizeObserver(() => arrange()).observe(svg);

function update(snapshot) {
  for (const asset of snapshot.assets) {
    if (!assets.has(asset.asset_id)) continue;
    const isNewState = assets.get(asset.asset_id).state !== asset.state;
    assets.set(asset.asset_id, asset);
    drawState(asset);
    const item = list.querySelector(`[data-asset="${CSS.escape(asset.asset_id)}"]`);
    setText(item.querySelector('[data-part="power"]'), power(shown(asset)));
    if (isNewState) setBadge(item.querySelector('[data-part="state"]'), familyOf(asset), asset.state);
  }
  filter();
  if (chosen) updateDetail(assets.get(chosen));
}

drawMarkers();
filter();
apply();
drawLand();
onSnapshot(update);
