// The device list: live figures in their rows; the lists are fetched again when a state changes.

import { age, percent, power, setBadge, setText } from "./format.js";
import { onSnapshot } from "./live.js";

const host = document.getElementById("device-lists");
let known = null;

async function reload() {
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "devices" } });
    if (response.ok && !response.redirected) {
      host.replaceChildren(document.createRange().createContextualFragment(await response.text()));
    }
  } catch {
    known = null;
  }
}

onSnapshot((snapshot) => {
  const states = snapshot.assets.map((asset) => `${asset.asset_id}:${asset.state}`).join(",");
  if (known !== null && known !== states) reload();
  known = states;
  for (const asset of snapshot.assets) {
    const row = host.querySelector(`tr[data-asset="${CSS.escape(asset.asset_id)}"]`);
    if (!row) continue;
    const part = (name) => row.querySelector(`[data-part="${name}"]`);
    const shownKw = asset.kind === "pv" && asset.power_kw !== null ? -asset.power_kw : asset.power_kw;
    setText(part("power"), power(shownKw));
    setText(part("setpoint"), power(asset.setpoint_kw));
    setText(part("soc"), percent(asset.soc_percent));
    setText(part("age"), age(asset.at ? (Date.parse(snapshot.at) - Date.parse(asset.at)) / 1000 : null));
    setBadge(part("state"), "device", asset.state);
    setBadge(part("activity"), "activity", asset.activity);
  }
});
