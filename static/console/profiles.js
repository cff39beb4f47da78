// The page of profiles: the composite schedule of the chosen station, and a list that stays fresh.

import { confirmForms, keepFresh, submitOnChange } from "./charging.js";
import { LimitChart, chartWords } from "./limit_chart.js";

const data = document.getElementById("schedule-data");
if (data) {
  new LimitChart(
    document.getElementById("schedule-chart"),
    document.getElementById("schedule-legend"),
    [chartWords().limit],
  ).show(JSON.parse(data.textContent));
}
keepFresh("live-part");
confirmForms();
submitOnChange();
