// The check of a partner against the standard: its card follows a check that goes on.

const EVERY_MS = 2000;
const host = document.getElementById("conformance-part");

const isRunning = () => host.querySelector('[data-final="false"]') !== null;

async function follow() {
  while (isRunning()) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    if (document.hidden || host.querySelector("details.keeps[open]")) continue;
    try {
      const response = await fetch(host.dataset.url);
      if (!response.ok || response.redirected) continue;
      const part = document.createRange().createContextualFragment(await response.text());
      const focused = document.activeElement?.closest?.("#conformance-part a[href]")?.getAttribute("href");
      host.replaceChildren(part);
      if (focused) host.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    } catch {
      // The line is down: the banner says so, and the next round tries again.
    }
  }
}

if (host) follow();
