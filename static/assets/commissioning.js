// The commissioning page without reloads: asks for the page's state and replaces what changed.
(() => {
  "use strict";
  const root = document.querySelector("[data-commissioning]");
  if (!root) return;

  const EVERY_MS = 1500;
  // A page that was forgotten does not read a device for ever.
  const LIVE_FOR_MS = 10 * 60 * 1000;
  const parts = new Map(
    Array.from(root.querySelectorAll("[data-part]"), (node) => [node.dataset.part, node])
  );
  const error = root.querySelector("[data-error]");
  const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  let pending = root.dataset.pending === "1";
  let mayLive = root.dataset.live === "1";
  let isLive = false;
  let liveUntil = 0;
  let isBusy = false;

  function known() {
    return JSON.stringify(
      Object.fromEntries(Array.from(parts, ([name, node]) => [name, node.dataset.key]))
    );
  }

  async function ask(body) {
    const reply = await fetch(body ? root.dataset.url : root.dataset.stateUrl, {
      method: body ? "POST" : "GET",
      body,
      headers: { Accept: "application/json", "X-CSRFToken": token, "X-Known-Parts": known() },
      credentials: "same-origin",
      redirect: "error",
    });
    if (!reply.ok) throw new Error(String(reply.status));
    show(await reply.json(), body && body.get("by") !== "page");
  }

  function show(state, isAsked) {
    for (const [name, part] of Object.entries(state.parts)) {
      const node = parts.get(name);
      const focus = node.contains(document.activeElement) ? document.activeElement : null;
      const open = Array.from(node.querySelectorAll("details[data-keep][open]"), keepName);
      node.innerHTML = part.html;
      for (const box of node.querySelectorAll("details[data-keep]")) {
        box.open = open.includes(keepName(box));
      }
      node.dataset.key = part.key;
      if (focus) refocus(node, focus);
    }
    pending = state.pending;
    mayLive = state.live;
    // A refusal stays until the next button; that the line was lost goes with the next answer.
    if (state.error || isAsked || error.textContent === root.dataset.wordsLost) say(state.error);
    prepare();
  }

  function keepName(box) {
    return box.dataset.keep;
  }

  // The keyboard stays where it was when its button is drawn anew.
  function refocus(node, focus) {
    const name = focus.getAttribute("name");
    const value = focus.getAttribute("value");
    const same = Array.from(node.querySelectorAll("button, input, select, summary")).find(
      (one) =>
        (name && one.getAttribute("name") === name && one.getAttribute("value") === value) ||
        (focus.matches("[data-live-toggle]") && one.matches("[data-live-toggle]")) ||
        (focus.matches("summary") && one.textContent === focus.textContent)
    );
    if (same && !same.disabled) same.focus();
  }

  function say(words) {
    error.textContent = words || "";
    error.hidden = !words;
  }

  function prepare() {
    const box = root.querySelector("[data-live-switch]");
    if (!box) return;
    box.hidden = !mayLive;
    const toggle = box.querySelector("[data-live-toggle]");
    toggle.checked = isLive;
  }

  function setLive(on) {
    isLive = on;
    liveUntil = Date.now() + LIVE_FOR_MS;
    prepare();
  }

  function form(action) {
    const body = new FormData();
    body.set("action", action);
    body.set("by", "page");
    return body;
  }

  async function turn() {
    if (isBusy || document.hidden) return;
    if (isLive && Date.now() > liveUntil) setLive(false);
    const reads = isLive && mayLive;
    if (!reads && !pending) return;
    isBusy = true;
    try {
      await ask(reads ? form("read") : null);
    } catch {
      say(root.dataset.wordsLost);
    } finally {
      isBusy = false;
    }
  }

  root.addEventListener("submit", async (event) => {
    if (!event.target.matches("form[data-ask]")) return;
    event.preventDefault();
    const body = new FormData(event.target, event.submitter);
    say("");
    try {
      await ask(body);
      if (body.get("action") === "read") setLive(true);
    } catch {
      say(root.dataset.wordsLost);
    }
  });

  root.addEventListener("change", (event) => {
    if (event.target.matches("[data-live-toggle]")) setLive(event.target.checked);
  });

  let clock = Date.now();
  setInterval(() => {
    const now = Date.now();
    const age = root.querySelector("[data-age]");
    if (age) {
      age.dataset.age = String(Number(age.dataset.age) + (now - clock) / 1000);
      age.textContent = String(Math.round(Number(age.dataset.age)));
    }
    clock = now;
  }, 500);
  setInterval(turn, EVERY_MS);
  prepare();
})();
