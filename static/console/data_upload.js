// The form of an upload: units follow kind and currency, a usual form fills in the columns.

const form = document.getElementById("upload");
const unit = document.getElementById("u-unit");
const presets = JSON.parse(document.getElementById("presets").textContent);
const preset = document.getElementById("u-preset");

function settle() {
  const kind = form.elements.kind.value;
  const currency = form.elements.currency.value;
  let hasMoney = false;
  for (const option of unit.options) {
    const isOfKind = option.dataset.kinds.split(" ").includes(kind);
    const [money, per] = option.value.split("/");
    if (/^[A-Z]{3}$/.test(money)) {
      hasMoney ||= isOfKind;
      option.value = `${currency}/${per}`;
      option.textContent = option.value;
    }
    // Cents are euro cents.
    const isFit = isOfKind && (money !== "ct" || currency === "EUR");
    option.hidden = !isFit;
    option.disabled = !isFit;
  }
  if (unit.selectedOptions[0]?.disabled ?? true) {
    const first = [...unit.options].find((option) => !option.disabled);
    if (first) first.selected = true;
  }
  document.getElementById("currency-field").hidden = !hasMoney;
}

form.elements.kind.addEventListener("change", settle);
form.elements.currency.addEventListener("change", settle);
preset.hidden = false;
preset.addEventListener("change", () => {
  for (const [name, value] of Object.entries(presets[preset.value] ?? {})) {
    form.elements[name].value = value;
  }
});
settle();
