// The sessions table: live figures in their rows; rows are fetched again when a session comes or ends.

import { energy, percent, power, setBadge, setText } from "./format.js";
import { onSnapshot } from "./live.js";

const host = document.getElementById("session-rows");
const form = document.getElementById("session-filters");
let known = null;
let isLoading = false;

async function reload() {
  if (isLoading) return;
  isLoading = true;
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "rows" } });
    if (response.ok && !response.redirected) {
      const focused = document.activeElement?.closest?.("[data-session]")?.dataset.session;
      host.replaceChildren(document.createRange().createContextualFragment(await response.text()));
      if (focused) host.querySelector(`[data-session="${focused}"] a`)?.focus();
    }
  } catch {
    known = null;
  } finally {
    isLoading = false;
  }
}

function show(snapshot) {
  const ids = snapshot.sessions.map((session) => session.session_id).sort().join(",");
  if (known !== null && ids !== known) reload();
  known = ids;
  for (const session of snapshot.sessions) {
    const row = host.querySelector(`tr[data-session="${session.session_id}"]`);
    if (!row) continue;
    const part = (name) => row.querySelector(`[data-part="${name}"]`);
    setText(part("power"), power(session.power_kw));
    setText(part("energy"), energy(session.energy_kwh));
    setText(part("soc"), percent(session.soc_percent));
    if (session.charging_state) setBadge(part("charging-state"), "charging", session.charging_state);
  }
}

for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => form.requestSubmit());
}
onSnapshot(show);
