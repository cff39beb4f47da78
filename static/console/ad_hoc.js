// The page of a stay: asks for what changes until nothing does; prints receipts and stickers.

const INTERVAL_MS = 3000;
const host = document.getElementById("stay");

// What a screen reader is told: the step, when it becomes another one.
let step = document.getElementById("step")?.innerText;

const isFinal = () => host.querySelector("[data-final]")?.dataset.final === "true";

async function reload() {
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "stay" } });
    if (!response.ok || response.redirected) return;
    const text = await response.text();
    // A button that somebody is about to press stays where it is.
    const focused = document.activeElement?.id;
    host.replaceChildren(document.createRange().createContextualFragment(text));
    if (focused) document.getElementById(focused)?.focus();
    const now = document.getElementById("step").innerText;
    if (now !== step) document.getElementById("step-told").textContent = step = now;
  } catch {
    // No network for a moment: the next round tries again.
  }
}

async function watch() {
  while (host && !isFinal()) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    if (!document.hidden) await reload();
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
watch();
