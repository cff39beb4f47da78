// Numbers, times and states in the page's language; the rules are those of apps/console/formats.py.

const root = document.documentElement;
const language = root.lang || "en";
const timeZone = root.dataset.timeZone || "UTC";
const NO_VALUE = "–";
const SPACE = "\u00a0";
const wordsBlock = document.getElementById("words");

export const words = wordsBlock
  ? JSON.parse(wordsBlock.textContent)
  : { states: {}, reasons: {}, control: {}, text: {} };

export function text(key, values = {}) {
  const sentence = words.text[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const numberFormats = new Map();

export function number(value, decimals) {
  if (!numberFormats.has(decimals)) {
    numberFormats.set(
      decimals,
      new Intl.NumberFormat(language, {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
        useGrouping: "always",
      }),
    );
  }
  const digits = numberFormats.get(decimals).format(Math.abs(value));
  const isZero = Number(Math.abs(value).toFixed(decimals)) === 0;
  return value < 0 && !isZero ? `\u2212${digits}` : digits;
}

export function powerUnit(powerKw) {
  const size = Math.abs(powerKw);
  if (size >= 1000) return "MW";
  return size >= 1 || size < 0.0005 ? "kW" : "W";
}

export function power(powerKw, unit) {
  if (powerKw === null || powerKw === undefined) return NO_VALUE;
  const chosen = unit || powerUnit(powerKw);
  if (chosen === "MW") return `${number(powerKw / 1000, 2)}${SPACE}MW`;
  if (chosen === "W") return `${number(powerKw * 1000, 0)}${SPACE}W`;
  return `${number(powerKw, Math.abs(powerKw) >= 1000 ? 0 : 1)}${SPACE}kW`;
}

export function energy(energyKwh) {
  if (energyKwh === null || energyKwh === undefined) return NO_VALUE;
  if (Math.abs(energyKwh) >= 1000) return `${number(energyKwh / 1000, 2)}${SPACE}MWh`;
  return `${number(energyKwh, Math.abs(energyKwh) >= 100 ? 0 : 2)}${SPACE}kWh`;
}

export function percent(value) {
  return value === null || value === undefined ? NO_VALUE : `${number(value, 0)}${SPACE}%`;
}

export function price(eurPerMwh) {
  if (eurPerMwh === null || eurPerMwh === undefined) return NO_VALUE;
  return `${number(eurPerMwh, 2)}${SPACE}€/MWh`;
}

// A sensor's value with its unit: the twin of `quantity_text` in apps/console/formats.py.
export function quantity(value, unit, name = "") {
  if (value === null || value === undefined) return NO_VALUE;
  if (unit === "kW") return power(value);
  if (unit === "kWh") return energy(value);
  const decimals = name === "frequency_hz" || name === "power_factor" ? 2 : 1;
  return `${number(value, decimals)}${unit ? SPACE + unit : ""}`;
}

export function count(value) {
  return value === null || value === undefined ? NO_VALUE : number(value, 0);
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (value) => String(value).padStart(2, "0");
  if (hours) return `${hours}${SPACE}h${SPACE}${two(minutes)}${SPACE}min`;
  if (minutes) return `${minutes}${SPACE}min${SPACE}${two(whole % 60)}${SPACE}s`;
  return `${whole}${SPACE}s`;
}

export function age(seconds) {
  if (seconds === null || seconds === undefined) return text("never");
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return text("seconds_ago", { count: whole });
  if (whole < 7200) return text("minutes_ago", { count: Math.floor(whole / 60) });
  if (whole < 172800) return text("hours_ago", { count: Math.floor(whole / 3600) });
  return text("days_ago", { count: Math.floor(whole / 86400) });
}

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone });
const clockSeconds = new Intl.DateTimeFormat(language, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone,
});

// Day before month, as Django writes dates in English.
const dayLanguage = language === "en" ? "en-GB" : language;
const day = new Intl.DateTimeFormat(dayLanguage, { day: "numeric", month: "short", timeZone });
const dayClock = new Intl.DateTimeFormat(dayLanguage, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone,
});

export const dayShort = (at) => day.format(new Date(at));
export const dayAndTime = (at) => dayClock.format(new Date(at));
export const timeOfDay = (at) => clock.format(new Date(at));
export const timeWithSeconds = (at) => clockSeconds.format(new Date(at));
export const zone = timeZone;

// One icon of the sprite.
export function icon(name) {
  const svg = svgElement("svg", { class: "icon", "aria-hidden": "true", focusable: "false" });
  svg.append(svgElement("use", { href: `${document.body.dataset.icons}#${name}` }));
  return svg;
}

export function stateWord(family, code) {
  return (
    words.states[family]?.[code || "unknown"] ?? {
      label: code || text("not_known"), tone: "mute", icon: "question",
    }
  );
}

// A state as icon, word and colour: the twin of the `state_badge` template tag.
export function badge(family, code) {
  const word = stateWord(family, code);
  const span = element("span", { class: `badge tone-${word.tone}` });
  span.dataset.state = code || "unknown";
  span.append(icon(word.icon), element("span", {}, word.label));
  return span;
}

export function element(name, attributes = {}, content = undefined) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (content !== undefined) node.textContent = content;
  return node;
}

export function svgElement(name, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

// Write only what differs, so that nothing flickers and no screen reader repeats itself.
export function setText(node, value) {
  if (node && node.textContent !== value) node.textContent = value;
}

export function setBadge(node, family, code) {
  if (!node || node.firstElementChild?.dataset.state === (code || "unknown")) return;
  node.replaceChildren(badge(family, code));
}
