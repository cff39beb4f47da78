// The banner that says what the batteries follow, why and since when.

import { element, icon, stateWord, text, timeOfDay, words } from "./format.js";

export function controlSentence(control) {
  const sentence = words.control[control.mode] ?? "";
  const reason = words.reasons[control.reason_code] ?? control.reason_code;
  return reason ? `${reason}. ${sentence}` : sentence;
}

export function showControl(control) {
  const host = document.getElementById("control-banner");
  const key = JSON.stringify([control.mode, control.reason_code, control.since]);
  if (!host || host.dataset.shown === key) return;
  host.dataset.shown = key;
  const word = stateWord("control", control.mode);
  const banner = element("div", { class: `banner tone-${word.tone}` });
  banner.dataset.mode = control.mode;
  const body = element("div");
  body.append(element("strong", {}, word.label));
  if (control.since) {
    body.append(" ", element("span", { class: "nowrap" }, text("since", { time: timeOfDay(control.since) })));
  }
  body.append(element("span", { class: "banner-detail" }, controlSentence(control)));
  banner.append(icon(word.icon), body);
  host.replaceChildren(banner);
}
