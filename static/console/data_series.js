// One series: its plot; the rest of the page stands by itself.

import { confirmForms } from "./charging.js";
import { drawSeries } from "./data_chart.js";

drawSeries(JSON.parse(document.getElementById("plot-data").textContent), {
  host: document.getElementById("plot-chart"),
  legend: document.getElementById("plot-legend"),
});
confirmForms();
