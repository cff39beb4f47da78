// Pages of roaming: parts that stay fresh, forms that ask before they act, texts to copy.

import { confirmForms, keepFresh, submitOnChange } from "./charging.js";

// Where the browser does not let pages copy (plain HTTP), the text is marked for the keyboard.
async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    document.getElementById("copied").textContent = button.dataset.done;
    button.textContent = button.dataset.done;
  } catch {
    field.focus();
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}

keepFresh("live-part");
confirmForms();
submitOnChange();
