// One tariff: its week and a typical session follow what one tries; assigning asks for a place.

import { followPreview, leadToRows } from "./tariffs_shared.js";

const form = document.getElementById("asked-form");
if (form) {
  followPreview(form, async () => {
    const query = new URLSearchParams(new FormData(form));
    try {
      const response = await fetch(`${location.pathname}?${query}`, { headers: { "X-Fragment": "preview" } });
      return response.ok && !response.redirected ? await response.text() : null;
    } catch {
      return null; // what stands there stays
    }
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  leadToRows(document.getElementById("row-words"));
}

const scope = document.getElementById("s-scope");
function showPlaces() {
  for (const part of scope.form.querySelectorAll("[data-scopes]")) {
    part.hidden = !part.dataset.scopes.split(" ").includes(scope.value);
  }
}
if (scope) {
  scope.addEventListener("change", showPlaces);
  showPlaces();
}
