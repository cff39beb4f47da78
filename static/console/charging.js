// What the pages of charging control share: parts that stay fresh, forms that ask before they act.

import { setText } from "./format.js";
import { onSnapshot } from "./live.js";

export const csrfToken = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";

// Fetch a part of the page again whenever something happened at the operator. Somebody who writes
// in it, or has opened something there, is not disturbed. `onFresh` runs after each exchange.
export function keepFresh(id, { onFresh = () => {} } = {}) {
  const host = document.getElementById(id);
  if (!host) return;
  let isLoading = false;
  let isFinal = host.querySelector('[data-final="true"]') !== null;

  const isBusy = () =>
    document.querySelector("dialog[open]") !== null ||
    host.querySelector("details.keeps[open], details.ack[open]") !== null ||
    document.activeElement?.matches?.(`#${id} :is(input, select, textarea)`);

  async function reload() {
    if (isLoading || isFinal || document.hidden || isBusy()) return;
    isLoading = true;
    try {
      const response = await fetch(location.href, { headers: { "X-Fragment": "live-part" } });
      if (!response.ok || response.redirected || isBusy()) return;
      const part = document.createRange().createContextualFragment(await response.text());
      const link = document.activeElement?.closest?.(`#${id} a[href], #${id} button[id]`);
      const focused = link && host.contains(link) ? (link.id || link.getAttribute("href")) : null;
      const isById = Boolean(link?.id);
      const scrolled = [...host.querySelectorAll(".table-wrap, pre")].map((node) => [node.scrollLeft, node.scrollTop]);
      host.replaceChildren(part);
      [...host.querySelectorAll(".table-wrap, pre")].forEach((node, index) => {
        [node.scrollLeft, node.scrollTop] = scrolled[index] ?? [0, 0];
      });
      if (focused) {
        const again = isById ? document.getElementById(focused) : host.querySelector(`a[href="${CSS.escape(focused)}"]`);
        again?.focus();
      }
      isFinal = host.querySelector('[data-final="true"]') !== null;
      onFresh();
    } catch {
      // The line is down: the banner says so, and the next snapshot tries again.
    } finally {
      isLoading = false;
    }
  }

  onSnapshot(reload);
}

// Ask before a form acts. `words(form)` gives {title, detail}; else they stand at the form.
export function confirmForms(words = null) {
  const dialog = document.getElementById("confirm");
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-confirm]") || form.dataset.confirmed === "yes" || !dialog) return;
    event.preventDefault();
    const { title, detail } = words?.(form) ?? { title: form.dataset.confirm, detail: form.dataset.detail };
    setText(document.getElementById("confirm-title"), title);
    setText(document.getElementById("confirm-detail"), detail ?? "");
    dialog.returnValue = "no";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "yes";
      form.submit();
    };
    dialog.showModal();
  });
  document.dispatchEvent(new Event("confirm-ready"));
}

// Selects that show their choice at once.
export function submitOnChange() {
  for (const select of document.querySelectorAll("[data-submits]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
}

// The last call after a pause in which nothing more came.
export function afterPause(ms, act) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
}
