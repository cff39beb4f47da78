// A PV plant: the plot of its day; after a row was added or removed the reader goes on there.

import { drawSeries } from "./data_chart.js";

const block = document.getElementById("plot-data");
if (block) {
  drawSeries(JSON.parse(block.textContent), {
    host: document.getElementById("plot-chart"),
    legend: document.getElementById("plot-legend"),
  });
}
const focus = document.getElementById("plant-form")?.dataset.focus;
if (focus) document.getElementById(focus)?.focus();
