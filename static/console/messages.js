// The message log: filters at a choice, and new messages by themselves where somebody wants that.

import { onSnapshot } from "./live.js";

const RELOAD_MS = 2000;
const form = document.getElementById("message-filters");
const follow = document.getElementById("follow");
const host = document.getElementById("message-lines");
let isLoading = false;
let loadedAt = Date.now();

// Somebody reads a message: the list waits.
const isBusy = () => host.querySelector("details.message[open]") !== null;

async function reload() {
  if (isLoading || isBusy()) return;
  isLoading = true;
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "messages" } });
    if (!response.ok || response.redirected || isBusy()) return;
    const focused = document.activeElement?.closest?.("[data-message]")?.dataset.message;
    host.replaceChildren(document.createRange().createContextualFragment(await response.text()));
    if (focused) host.querySelector(`[data-message="${focused}"] summary`)?.focus();
  } catch {
    // The line is down: the banner says so, and the next snapshot tries again.
  } finally {
    isLoading = false;
    loadedAt = Date.now();
  }
}

for (const field of form.querySelectorAll("select, input[type=checkbox]")) {
  field.addEventListener("change", () => form.requestSubmit());
}
follow?.addEventListener("change", () => {
  if (follow.checked) reload();
});
onSnapshot(() => {
  if (follow?.checked && Date.now() - loadedAt >= RELOAD_MS) reload();
});
