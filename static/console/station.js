// One station: its state and power live, its connectors and orders fetched again, orders given.

import { power, setBadge, setText } from "./format.js";
import { onSnapshot } from "./live.js";

const RELOAD_MS = 5000;
const RELOAD_WHILE_OPEN_MS = 1000;
const head = document.getElementById("station");
const id = head.dataset.stationId;
const orders = document.getElementById("station-orders");
const panels = document.getElementById("station-panels");
let known = null;
let isLoading = false;
let loadedAt = Date.now();

const isWaiting = () => orders.querySelector("[data-open]") !== null;
const fragment = (html) => document.createRange().createContextualFragment(html);

async function reload() {
  if (isLoading) return;
  isLoading = true;
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "station" } });
    if (!response.ok || response.redirected) return;
    const parts = fragment(await response.text());
    for (const name of ["station-connectors", "station-orders"]) {
      const host = document.getElementById(name);
      const fresh = parts.querySelector(`[data-part-of="${name}"]`);
      // What is the same is left alone: who reads or points there is not disturbed.
      if (host.innerHTML !== fresh.innerHTML && !host.contains(document.activeElement)) {
        host.replaceChildren(...fresh.childNodes);
      }
    }
  } catch {
    // The line is down: the banner says so, and the next turn tries again.
    known = null;
  } finally {
    isLoading = false;
    loadedAt = Date.now();
  }
}

function show(snapshot) {
  const asset = snapshot.assets.find((one) => one.kind === "station" && one.asset_id === id);
  if (!asset) return;
  setBadge(document.querySelector('#station [data-part="state"]'), "station", asset.state);
  if (!orders) return;
  setText(document.querySelector('.stripe [data-part="power"]'), power(asset.power_kw));
  const told = `${asset.state} ${asset.session_id}`;
  const isChanged = known !== null && known !== told;
  known = told;
  const pause = isWaiting() ? RELOAD_WHILE_OPEN_MS : RELOAD_MS;
  if (isChanged || Date.now() - loadedAt >= pause) reload();
}

// --- orders -----------------------------------------------------------------------

async function give(form) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    const response = await fetch(form.action, {
      method: "POST", body: new FormData(form), headers: { "X-Fragment": "orders" },
    });
    const panel = form.closest("details");
    if (response.status === 422) {
      const fresh = fragment(await response.text());
      const shown = fresh.querySelector("details");
      panel.replaceWith(fresh);
      shown.querySelector("[role=alert] ~ input, [role=alert] ~ select, input:not([type=hidden]), select")?.focus();
      return;
    }
    // The log-in page, or no right any more: the page itself says it best.
    if (!response.ok || response.redirected) return form.submit();
    orders.replaceChildren(fragment(await response.text()));
    form.reset();
    panel.open = false;
    panel.querySelector("summary").focus();
    setTimeout(reload, 400);
  } catch {
    // The line is down: the browser's own way says so.
    form.submit();
  } finally {
    button.disabled = false;
  }
}

panels?.addEventListener("submit", (event) => {
  event.preventDefault();
  give(event.target);
});
// Browsers without exclusive <details>: one open panel at a time.
panels?.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const other of panels.querySelectorAll("details[open]")) {
    if (other !== event.target) other.open = false;
  }
  event.target.querySelector("select, input:not([type=hidden])")?.focus();
}, true);
onSnapshot(show);
