// The plan page: today's chart, and what each battery does now.

import { showControl } from "./control.js";
import { startDayChart } from "./day.js";
import { percent, power, setText } from "./format.js";
import { onSnapshot } from "./live.js";

startDayChart();
onSnapshot((snapshot) => {
  showControl(snapshot.control);
  for (const asset of snapshot.assets) {
    const row = document.querySelector(`tr[data-asset="${CSS.escape(asset.asset_id)}"]`);
    if (!row) continue;
    const part = (name) => row.querySelector(`[data-part="${name}"]`);
    setText(part("power"), power(asset.power_kw));
    setText(part("setpoint"), power(asset.setpoint_kw));
    setText(part("soc"), percent(asset.soc_percent));
  }
});
