// Forecasts: the plot of a day with its band and what was measured.

import { drawSeries } from "./data_chart.js";

const block = document.getElementById("plot-data");
if (block) {
  drawSeries(JSON.parse(block.textContent), {
    host: document.getElementById("plot-chart"),
    legend: document.getElementById("plot-legend"),
  });
  document.getElementById("plot").dataset.ready = "";
}
