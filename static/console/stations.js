// The list of stations: live states and powers in their rows; fetched again when a state changes.

import { power, setBadge, setText } from "./format.js";
import { onSnapshot } from "./live.js";

const RELOAD_AT_LEAST_MS = 30000;
const RELOAD_AT_MOST_MS = 2000;
const form = document.getElementById("station-filters");
let known = null;
let isLoading = false;
let loadedAt = Date.now();

async function reload() {
  if (isLoading) return;
  isLoading = true;
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "stations" } });
    if (!response.ok || response.redirected) return;
    const focused = document.activeElement?.closest?.("[data-asset]")?.dataset.asset;
    const parts = document.createRange().createContextualFragment(await response.text());
    for (const id of ["station-figures", "station-rows"]) {
      document.getElementById(id).replaceWith(parts.getElementById(id));
    }
    if (focused) document.querySelector(`[data-asset="${CSS.escape(focused)}"] a`)?.focus();
  } catch {
    // The line is down: the banner says so, and the next turn tries again.
    known = null;
  } finally {
    isLoading = false;
    loadedAt = Date.now();
  }
}

function show(snapshot) {
  const stations = snapshot.assets.filter((asset) => asset.kind === "station");
  const states = stations.map((asset) => `${asset.asset_id}:${asset.state}`).join(",");
  for (const asset of stations) {
    const row = document.querySelector(`tr[data-asset="${CSS.escape(asset.asset_id)}"]`);
    if (!row) continue;
    setText(row.querySelector('[data-part="power"]'), power(asset.power_kw));
    setBadge(row.querySelector('[data-part="state"]'), "station", asset.state);
  }
  const waited = Date.now() - loadedAt;
  const isDue = known === null || states !== known ? waited >= RELOAD_AT_MOST_MS : waited >= RELOAD_AT_LEAST_MS;
  if (!isDue) return;
  known = states;
  reload();
}

for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => form.requestSubmit());
}
onSnapshot(show);
