// A form out of the tree of fields that /charging/commands/schema gives, and its value as JSON.

import { element } from "./format.js";

const NUMBERS = ["integer", "number"];

// `words`: add, remove, yes, no, optional. `onChange` runs after each change.
export class SchemaForm {
  constructor({ host, words, onChange }) {
    this.host = host;
    this.words = words;
    this.onChange = onChange;
    this.count = 0;
    this.root = null;
  }

  show(tree, value) {
    this.count = 0;
    this.root = this.node(tree, value ?? {}, "", true);
    this.host.replaceChildren(this.root.element);
  }

  get value() {
    return this.root?.read() ?? {};
  }

  // Errors by path; those of no shown field are given back.
  showErrors(errors) {
    for (const node of this.host.querySelectorAll(".field-error")) node.remove();
    for (const node of this.host.querySelectorAll("[aria-invalid]")) node.removeAttribute("aria-invalid");
    return errors.filter(({ field, message }) => {
      const place = field && this.host.querySelector(`[data-path="${CSS.escape(field)}"]`);
      if (!place) return true;
      const input = place.querySelector("input, select, textarea");
      const id = `${input?.id || "group"}-error`;
      place.append(element("p", { class: "field-error", id }, message));
      input?.setAttribute("aria-invalid", "true");
      input?.setAttribute("aria-describedby", id);
      return false;
    });
  }

  node(tree, value, path, isRequired) {
    if (tree.type === "object" && tree.fields) return this.object(tree, value, path);
    if (tree.type === "array") return this.list(tree, value, path);
    return this.scalar(tree, value, path, isRequired);
  }

  object(tree, value, path) {
    const box = element("div", { class: "schema-object" });
    const given = value && typeof value === "object" ? value : {};
    const required = new Set(tree.required);
    const names = Object.keys(tree.fields).sort((a, b) => required.has(b) - required.has(a));
    const parts = new Map();
    for (const name of names) {
      const inner = tree.fields[name];
      const at = path ? `${path}.${name}` : name;
      const part = this.labelled(name, inner, given[name], at, required.has(name));
      parts.set(name, part);
      box.append(part.element);
    }
    return {
      element: box,
      read: () => {
        const told = {};
        for (const [name, part] of parts) {
          const read = part.read();
          if (read !== undefined) told[name] = read;
        }
        return told;
      },
    };
  }

  // A field with its name; an optional group is there once somebody adds it.
  labelled(name, tree, value, path, isRequired) {
    const isGroup = (tree.type === "object" && tree.fields) || tree.type === "array";
    if (!isGroup) {
      const part = this.scalar(tree, value, path, isRequired);
      const row = element("div", { class: "field schema-field", "data-path": path });
      const label = element("label", { for: part.id, title: tree.description ?? "" }, name);
      if (!isRequired) label.append(" ", element("span", { class: "optional" }, this.words.optional));
      row.append(label, part.element);
      return { element: row, read: part.read };
    }
    const box = element("fieldset", { class: "schema-group", "data-path": path });
    const legend = element("legend", { title: tree.description ?? "" }, name);
    box.append(legend);
    if (isRequired || tree.type === "array") {
      const part = this.node(tree, value, path, isRequired);
      if (!isRequired) legend.append(" ", element("span", { class: "optional" }, this.words.optional));
      box.append(part.element);
      const isLeftOut = (read) => !isRequired && Array.isArray(read) && read.length === 0;
      return { element: box, read: () => { const read = part.read(); return isLeftOut(read) ? undefined : read; } };
    }
    return this.optional(box, legend, tree, value, path);
  }

  optional(box, legend, tree, value, path) {
    const check = element("input", { type: "checkbox", id: this.id() });
    const label = element("label", { for: check.id, class: "optional-switch" });
    label.append(check, ...legend.childNodes, " ", element("span", { class: "optional" }, this.words.optional));
    legend.append(label);
    let part = null;
    const turn = () => {
      part?.element.remove();
      part = check.checked ? this.node(tree, value, path, true) : null;
      if (part) box.append(part.element);
    };
    check.checked = value !== undefined;
    check.addEventListener("change", () => { turn(); this.onChange(); });
    turn();
    return { element: box, read: () => part?.read() };
  }

  list(tree, value, path) {
    const box = element("div", { class: "schema-list" });
    const items = element("div", { class: "schema-items" });
    const add = element("button", { type: "button", class: "button button-small" }, this.words.add);
    let parts = [];
    const rebuild = (values) => {
      parts = [];
      items.replaceChildren();
      values.forEach((one) => append(one));
    };
    const append = (one) => {
      const row = element("div", { class: "schema-item", "data-path": `${path}[${parts.length}]` });
      const part = this.node(tree.items, one, `${path}[${parts.length}]`, true);
      const remove = element("button", { type: "button", class: "button button-small" }, this.words.remove);
      parts.push(part);
      remove.addEventListener("click", () => {
        const rest = parts.filter((other) => other !== part).map((other) => other.read());
        rebuild(rest);
        this.onChange();
      });
      row.append(part.element, remove);
      items.append(row);
    };
    add.addEventListener("click", () => { append(undefined); this.onChange(); });
    const given = Array.isArray(value) ? value : [];
    const least = tree.minItems && value !== undefined ? tree.minItems : 0;
    rebuild(given.length ? given : Array.from({ length: least }));
    box.append(items, add);
    return { element: box, read: () => parts.map((part) => part.read()).filter((one) => one !== undefined) };
  }

  scalar(tree, value, path, isRequired) {
    const id = this.id();
    const input = tree.enum ? this.choice(tree.enum, isRequired) : this.input(tree, isRequired);
    input.id = id;
    if (!tree.enum && value !== undefined) input.value = typeof value === "string" ? value : JSON.stringify(value);
    if (tree.enum && value !== undefined) input.value = String(value);
    input.addEventListener("input", () => this.onChange());
    return { element: input, id, read: () => read(tree, input.value) };
  }

  choice(values, isRequired) {
    const select = element("select");
    if (!isRequired) select.append(element("option", { value: "" }, "–"));
    for (const one of values) select.append(element("option", { value: one }, one));
    return select;
  }

  input(tree) {
    if (tree.type === "boolean") {
      const select = element("select");
      for (const [value, label] of [["", "–"], ["true", this.words.yes], ["false", this.words.no]]) {
        select.append(element("option", { value }, label));
      }
      return select;
    }
    const input = element("input", { type: "text", autocomplete: "off", spellcheck: "false" });
    if (NUMBERS.includes(tree.type)) input.inputMode = tree.type === "integer" ? "numeric" : "decimal";
    if (tree.format === "date-time") input.placeholder = "2026-01-31T12:00:00Z";
    if (tree.maxLength) input.maxLength = tree.maxLength;
    return input;
  }

  id() {
    this.count += 1;
    return `schema-${this.count}`;
  }
}

// What is no number stays a text: the check then says what is wrong with it.
function read(tree, text) {
  if (text === "") return undefined;
  if (tree.type === "boolean") return text === "true";
  if (NUMBERS.includes(tree.type)) {
    const number = Number(text.replace(",", "."));
    return Number.isFinite(number) ? number : text;
  }
  if (tree.type === "any") {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}
