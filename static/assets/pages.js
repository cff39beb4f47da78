// Copies a page's text to the clipboard, where the browser allows it.
(() => {
  "use strict";
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy-from]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const reply = await fetch(button.dataset.copyFrom, { credentials: "same-origin" });
      if (!reply.ok) return;
      await navigator.clipboard.writeText(await reply.text());
      button.textContent = button.dataset.copied;
    });
  }
})();
