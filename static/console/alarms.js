// The page of alarms: its lists are fetched again when an alarm comes, goes or is acknowledged.

import { onSnapshot } from "./live.js";

const host = document.getElementById("alarm-lists");
const form = document.getElementById("alarm-filters");
let known = null;

// Somebody is writing a note: the list waits.
const isBusy = () => host.querySelector("details.ack[open]") !== null;

async function reload() {
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "alarms" } });
    if (!response.ok || response.redirected || isBusy()) {
      known = null;
      return;
    }
    const focused = document.activeElement?.closest?.("[data-alarm]")?.dataset.alarm;
    host.replaceChildren(document.createRange().createContextualFragment(await response.text()));
    if (focused) host.querySelector(`[data-alarm="${focused}"] summary, [data-alarm="${focused}"] a`)?.focus();
  } catch {
    // The line is down: the banner says so, and the next snapshot tries again.
    known = null;
  }
}

onSnapshot((snapshot) => {
  const now = JSON.stringify(snapshot.alarms);
  // The first snapshot too: something may have happened since the page was made.
  if (now !== known && !isBusy()) {
    known = now;
    reload();
  }
});
for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => form.requestSubmit());
}
