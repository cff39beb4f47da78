// What every page does: theme switch, menu, live line, ticking durations, bound figures.

import * as format from "./format.js";
import { onSnapshot, start } from "./live.js";

const THEME_COOKIE = "cariflex_theme";
const YEAR_S = 31536000;

function chooseTheme(choice) {
  document.documentElement.dataset.theme = choice;
  document.cookie = `${THEME_COOKIE}=${choice}; path=/; max-age=${YEAR_S}; samesite=lax`;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
  document.dispatchEvent(new CustomEvent("themechange"));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (button) chooseTheme(button.dataset.themeChoice);
  const menu = document.getElementById("user-menu");
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = document.getElementById("user-menu");
  if (event.key === "Escape" && menu?.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new CustomEvent("themechange"));
});

// The tab of the current page in sight, on a phone too.
const tabs = document.querySelector(".sections");
const tab = tabs?.querySelector("[aria-current]");
if (tab) tabs.scrollLeft = tab.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
const entries = document.querySelector(".nav ul");
const entry = entries?.querySelector("[aria-current]");
if (entry) entries.scrollLeft = entry.offsetLeft - (entries.clientWidth - entry.offsetWidth) / 2;

// <time data-since="...">: how long it lasts, ticking.
function tick() {
  for (const node of document.querySelectorAll("time[data-since]")) {
    const since = Date.parse(node.dataset.since);
    format.setText(node, format.duration((Date.now() - since) / 1000));
  }
}

// data-live="flow.in_kw" data-format="power": a figure of the snapshot, bound by its path.
let flowUnit = "";

export function setFlowUnit(unit) {
  flowUnit = unit;
}

const FORMATS = {
  power: format.power,
  energy: format.energy,
  percent: format.percent,
  price: format.price,
  money: (value) => (value === null || value === undefined ? "–" : format.number(value, 2)),
  count: format.count,
  flow: (value) => format.power(value, flowUnit),
};

export function bind(snapshot) {
  for (const node of document.querySelectorAll("[data-live]")) {
    const value = node.dataset.live
      .split(".")
      .reduce((found, key) => (found === null || found === undefined ? found : found[key]), snapshot);
    format.setText(node, FORMATS[node.dataset.format](value));
  }
}

// How many alarms are open, beside the word in the navigation; told when there are more.
let alarmsKnown = null;

function showAlarms({ alarms }) {
  const badge = document.getElementById("alarm-badge");
  if (!badge || !alarms) return;
  const { open_count: open, worst_severity: worst } = alarms;
  const words = format.text(open === 1 ? "alarms_one" : "alarms_many", { count: format.count(open) });
  badge.hidden = open === 0;
  // What everybody has seen needs nobody: quiet.
  badge.dataset.tone = worst === 2 ? "bad" : worst === null ? "mute" : "warn";
  format.setText(document.getElementById("alarm-count"), open > 99 ? "99+" : String(open));
  format.setText(document.getElementById("alarm-words"), words);
  if (alarmsKnown !== null && open > alarmsKnown) {
    format.setText(document.getElementById("alarm-live"), words);
  }
  alarmsKnown = open;
}

tick();
setInterval(tick, 1000);
onSnapshot(bind);
onSnapshot(showAlarms);
start();
