// Why a quarter hour costs what it costs: chosen by click, touch or keys.

import { setText } from "./format.js";

const charts = document.getElementById("island-charts");
const why = document.getElementById("why");
const block = document.getElementById("island-slots");

if (charts && block) {
  const slots = JSON.parse(block.textContent);
  let at = Number(charts.getAttribute("aria-valuenow"));

  const choose = (index) => {
    at = Math.min(Math.max(index, 0), slots.length - 1);
    const slot = slots[at];
    for (const mark of charts.querySelectorAll(".plot-at")) mark.setAttribute("x", at);
    charts.setAttribute("aria-valuenow", at);
    charts.setAttribute("aria-valuetext", slot.spoken);
    setText(document.getElementById("why-time"), slot.span);
    setText(document.getElementById("why-total"), slot.total);
    const quality = document.getElementById("why-quality");
    setText(quality, slot.quality);
    quality.className = `pill tone-${slot.tone}`;
    slot.parts.forEach(([name, amount, words]) => {
      const line = why.querySelector(`[data-part="${name}"]`);
      setText(line.querySelector("[data-amount]"), amount);
      setText(line.querySelector("[data-words]"), words);
    });
    [...document.getElementById("why-inputs").children].forEach((line, index) => {
      setText(line.querySelector("[data-value]"), slot.inputs[index][0]);
      setText(line.querySelector("[data-note]"), slot.inputs[index][1]);
    });
  };

  const pointed = (event) => {
    const box = charts.querySelector(".plot svg").getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * slots.length);
  };
  charts.addEventListener("click", (event) => choose(pointed(event)));
  charts.addEventListener("pointermove", (event) => {
    if (event.buttons === 1 && event.pointerType === "mouse") choose(pointed(event));
  });
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 4, PageDown: -4 };
  charts.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in steps) choose(at + steps[event.key]);
    else if (event.key === "Home") choose(0);
    else if (event.key === "End") choose(slots.length - 1);
    else return;
    event.preventDefault();
  });
  why.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) choose(at + Number(step.dataset.step));
  });
  charts.dataset.ready = "";
}
