// What the tariff pages share: the preview part is fetched again, and it leads to its rows.

import { afterPause } from "./charging.js";

// Ask for the preview whenever something changes; `fetchPart` gives its HTML or null.
export function followPreview(form, fetchPart) {
  const preview = document.getElementById("preview");
  let asked = 0;

  async function reload() {
    asked += 1;
    const turn = asked;
    const part = await fetchPart();
    if (turn !== asked || part === null) return;
    const pressed = document.activeElement?.closest?.("#dimension button")?.value;
    preview.replaceChildren(document.createRange().createContextualFragment(part));
    if (pressed) preview.querySelector(`#dimension button[value="${CSS.escape(pressed)}"]`)?.focus();
  }

  const later = afterPause(300, reload);
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  preview.addEventListener("click", (event) => {
    const button = event.target.closest("#dimension button");
    if (button) {
      form.elements.namedItem("dimension").value = button.value;
      reload();
    }
  });
  return { reload, later };
}

// A coloured cell or a line of the bill shows the row that it comes from.
export function leadToRows(list) {
  const preview = document.getElementById("preview");
  const rowOf = (event) => {
    const index = event.target.closest("[data-element]")?.dataset.element;
    return index === undefined ? null : (list.children[Number(index)] ?? null);
  };
  preview.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (!row) return;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  });
  preview.addEventListener("mouseover", (event) => {
    const row = rowOf(event);
    for (const one of list.children) one.classList.toggle("is-lit", one === row);
  });
  preview.addEventListener("mouseleave", () => {
    for (const one of list.children) one.classList.remove("is-lit");
  });
}
