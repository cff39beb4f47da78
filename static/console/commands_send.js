// The form of a command: stations, action, the request as a form or as JSON, checked while written.

import { afterPause, confirmForms, csrfToken } from "./charging.js";
import { element, icon, setText } from "./format.js";
import { SchemaForm } from "./schema_form.js";

const form = document.getElementById("send-form");
const words = document.getElementById("send-words").dataset;
const raw = document.getElementById("payload");
const fields = document.getElementById("fields");
const rawField = document.getElementById("raw-field");
const result = document.getElementById("check-result");
const action = document.getElementById("action");
const version = document.getElementById("version");
const chosen = document.getElementById("chosen-stations");
const choices = document.getElementById("station-choices");
const search = document.getElementById("station-search");
let isForm = true;
let described = null;

// --- stations -----------------------------------------------------------------------

const isForAll = () => form.elements.to?.value === "all";
const chosenIds = () => [...chosen.children].map((item) => item.dataset.station);

function stationsText() {
  if (isForAll()) return words.all;
  const ids = chosenIds();
  if (ids.length === 0) return words.none;
  return ids.length === 1 ? words.one : words.many.replace("{count}", ids.length);
}

function showStations() {
  const ids = new Set(chosenIds());
  for (const box of choices.querySelectorAll("input")) {
    box.checked = ids.has(box.value);
    // The chosen ones are sent once, by the list above.
    box.removeAttribute("name");
  }
  document.getElementById("station-picker").hidden = isForAll();
  setText(document.getElementById("chosen-count"), stationsText());
}

function choose(id, itsVersion, isChosen) {
  const known = [...chosen.children].find((item) => item.dataset.station === id);
  if (!isChosen) known?.remove();
  else if (!known) {
    const item = element("li", { "data-station": id, "data-version": itsVersion });
    const button = element("button", { type: "button", class: "icon-button", "aria-label": `${words.leaveOut} ${id}` });
    button.append(icon("close"));
    item.append(element("input", { type: "hidden", name: "station", value: id }), element("span", {}, id), button);
    chosen.append(item);
  }
  showStations();
  const spoken = new Set([...chosen.children].map((one) => one.dataset.version).filter(Boolean));
  if (spoken.size === 1 && version.value !== [...spoken][0]) {
    version.value = [...spoken][0];
    loadActions();
  }
}

async function loadStations(query, isMore) {
  const response = await fetch(`${form.dataset.stationsUrl}?${query}`);
  if (!response.ok || response.redirected) return;
  const part = document.createRange().createContextualFragment(await response.text());
  if (isMore) {
    choices.querySelector("[data-more]")?.remove();
    choices.append(part);
  } else choices.replaceChildren(part);
  showStations();
}

choices.addEventListener("change", (event) => {
  choose(event.target.value, event.target.closest("label").dataset.version, event.target.checked);
});
choices.addEventListener("click", (event) => {
  const more = event.target.closest("[data-more]");
  if (more) loadStations(more.dataset.more, true);
});
chosen.addEventListener("click", (event) => {
  const item = event.target.closest("button")?.closest("li");
  if (item) choose(item.dataset.station, "", false);
});
search.addEventListener("input", afterPause(250, () => loadStations(new URLSearchParams({ q: search.value }), false)));
search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
form.addEventListener("change", (event) => { if (event.target.name === "to") showStations(); });

// --- the request -----------------------------------------------------------------------

const written = afterPause(350, check);
const schema = new SchemaForm({
  host: fields,
  words,
  onChange: () => {
    raw.value = JSON.stringify(schema.value, null, 2);
    written();
  },
});

function parsed() {
  try {
    return JSON.parse(raw.value || "{}");
  } catch {
    return null;
  }
}

async function loadActions() {
  const response = await fetch(`${form.dataset.schemaUrl}?${new URLSearchParams({ version: version.value })}`);
  if (!response.ok || response.redirected) return;
  const { often, others } = await response.json();
  const before = action.value;
  const fill = (group, names) => group.replaceChildren(...names.map((name) => element("option", {}, name)));
  const [first, second] = action.querySelectorAll("optgroup");
  fill(first, often);
  fill(second, others);
  action.value = [...often, ...others].includes(before) ? before : often[0];
  loadAction(action.value === before ? parsed() : {});
}

async function loadAction(value) {
  const query = new URLSearchParams({ version: version.value, action: action.value });
  const response = await fetch(`${form.dataset.schemaUrl}?${query}`);
  if (!response.ok || response.redirected) return;
  described = await response.json();
  const tree = described.tree;
  if (described.number) tree.required = tree.required.filter((name) => name !== described.number);
  schema.show(tree, value ?? {});
  raw.value = JSON.stringify(schema.value, null, 2);
  check();
}

async function check() {
  const asked = { version: version.value, action: action.value, payload: raw.value };
  try {
    const response = await fetch(form.dataset.checkUrl, {
      method: "POST",
      headers: { "X-CSRFToken": csrfToken() },
      body: new URLSearchParams(asked),
    });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const { errors } = await response.json();
    if (asked.payload !== raw.value) return;
    const rest = isForm ? schema.showErrors(errors) : errors;
    const hint = described?.number ? ` ${result.dataset.number.replace("{name}", described.number)}` : "";
    result.dataset.tone = errors.length ? "bad" : "ok";
    setText(result, errors.length
      ? rest.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join(" ")
      : result.dataset.ok + hint);
  } catch {
    result.dataset.tone = "mute";
    setText(result, result.dataset.unchecked);
  }
}

function writeAs(kind) {
  const value = kind === "form" ? parsed() : {};
  if (value === null) {
    result.dataset.tone = "bad";
    setText(result, words.notJson);
    return;
  }
  isForm = kind === "form";
  fields.hidden = !isForm;
  rawField.hidden = isForm;
  for (const button of document.querySelectorAll("#write-as button")) {
    button.setAttribute("aria-pressed", String(button.value === kind));
  }
  if (isForm && described) schema.show(described.tree, value);
  check();
}

raw.addEventListener("input", written);
action.addEventListener("change", () => loadAction({}));
version.addEventListener("change", loadActions);
document.getElementById("write-as").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) writeAs(button.value);
});

confirmForms(() => ({
  title: words.to.replace("{action}", action.value).replace("{stations}", stationsText()),
  detail: form.dataset.disruptive.split(" ").includes(action.value) ? words.disruptive : "",
}));
showStations();
rawField.hidden = true;
loadAction(parsed());
