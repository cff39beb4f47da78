// The live feed: one WebSocket, tried again with growing pauses; the last snapshot stays on screen.

import { setText, text, timeWithSeconds } from "./format.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
// The server sends at least every 5 s: silence for longer means that the line is dead.
const SILENCE_MS = 14000;
// The session has ended (apps/console/consumers.py): the page asks for a log-in.
const SIGNED_OUT = 4403;

const listeners = new Set();
let socket = null;
let attempts = 0;
let lastSnapshot = null;
let lastMessageAt = 0;
let watchdog = 0;
let isLeaving = false;

export function onSnapshot(listener) {
  listeners.add(listener);
  if (lastSnapshot) listener(lastSnapshot);
}

export function latest() {
  return lastSnapshot;
}

function show(state) {
  const line = document.getElementById("link-state");
  if (!line) return;
  line.hidden = false;
  line.dataset.state = state;
  setText(document.getElementById("link-word"), text(state));
  const banner = document.getElementById("lost-banner");
  const isLost = state === "lost";
  if (isLost) {
    setText(document.getElementById("lost-title"), text("lost"));
    setText(
      document.getElementById("lost-detail"),
      lastSnapshot
        ? text("lost_detail", { time: timeWithSeconds(lastSnapshot.at) })
        : text("lost_no_values"),
    );
  }
  banner.hidden = !isLost;
}

function receive(message) {
  lastMessageAt = Date.now();
  lastSnapshot = JSON.parse(message.data);
  attempts = 0;
  show("live");
  for (const listener of listeners) listener(lastSnapshot);
}

function again() {
  if (isLeaving) return;
  attempts += 1;
  if (attempts > 1 || lastSnapshot) show("lost");
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  setTimeout(connect, pause * (0.75 + Math.random() / 2));
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const current = new WebSocket(`${scheme}//${location.host}${document.body.dataset.liveSocket}`);
  socket = current;
  lastMessageAt = Date.now();
  current.addEventListener("message", receive);
  current.addEventListener("close", (event) => {
    if (event.code === SIGNED_OUT) {
      location.reload();
    } else if (current === socket) {
      socket = null;
      again();
    }
  });
}

export function start() {
  if (!document.body.dataset.liveSocket) return;
  show("connecting");
  connect();
  watchdog = setInterval(() => {
    if (socket && Date.now() - lastMessageAt > SILENCE_MS) socket.close();
  }, 2000);
  addEventListener("pagehide", () => {
    isLeaving = true;
    clearInterval(watchdog);
    // One that is still connecting ends with its page; closed here, the browser would warn of it.
    if (socket?.readyState === WebSocket.OPEN) socket.close();
  });
  // Back from the browser's page cache: the script's state is old, the page is not.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

