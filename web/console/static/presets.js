// Presets of options: those of the service, and the viewer's own, which this browser keeps. A link hands one of them to
// another browser: the preset stands behind its #, so it reaches no server.

import { askText, confirmAction, toast } from "./dialogs.js";
import { t } from "./texts.js";

const STORE = "face_api_presets";
const OWN = "own:";
const LINK = "#preset=";
const MAX_NAME = 60; // as of the field for it

function readOwn() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? {};
  } catch {
    return {};
  }
}

// Return the preset that the address of the page names, as [name, values], if it does.
function readLink() {
  if (!location.hash.startsWith(LINK)) return null;
  try {
    const { name, options } = JSON.parse(decodeURIComponent(location.hash.slice(LINK.length)));
    const values = Object.entries(options).map(([field, value]) => [field, String(value)]);
    return [String(name).trim().slice(0, MAX_NAME), Object.fromEntries(values)];
  } catch {
    return null;
  }
}

// form: with fields in elements of the class `option`, each of which knows its default.
export function offerPresets(form) {
  const root = form.querySelector("[data-presets]");
  const select = root.querySelector("select");
  const group = root.querySelector("[data-own]");
  const removal = root.querySelector("[data-delete-preset]");
  const link = root.querySelector("[data-preset-link]");
  const fields = [...form.querySelectorAll(".option [name]")];
  const builtIn = JSON.parse(root.dataset.presets);
  let own = readOwn();
  let isSetting = false;

  const valueOf = (preset, field) => (field.name in preset ? String(preset[field.name]) : field.dataset.default);
  const all = () => ({ ...builtIn, ...Object.fromEntries(Object.entries(own).map(([name, preset]) => [OWN + name, preset])) });

  function list() {
    group.replaceChildren(...Object.keys(own).sort().map((name) => new Option(name, OWN + name)));
    group.hidden = !group.children.length;
  }

  // Select the preset that the fields are like, if there is one.
  function show() {
    const like = Object.entries(all()).filter(([, preset]) => fields.every((field) => field.value === valueOf(preset, field)));
    const names = like.map(([name]) => name);
    if (!names.includes(select.value)) select.value = names[0] ?? "";
    const isOwn = select.value.startsWith(OWN);
    root.querySelector("[data-copy]").hidden = removal.hidden = !isOwn;
    const name = select.value.slice(OWN.length);
    const preset = encodeURIComponent(JSON.stringify({ name, options: own[name] }));
    link.textContent = isOwn ? location.origin + location.pathname + LINK + preset : "";
  }

  function keep(name, options) {
    own = { ...readOwn(), [name]: options };
    write();
    select.value = OWN + name;
    show();
  }

  function write() {
    try {
      localStorage.setItem(STORE, JSON.stringify(own));
    } catch {
      toast(t("preset_not_kept"), "failed");
    }
    list();
    show();
  }

  select.addEventListener("change", () => {
    const preset = all()[select.value];
    if (!preset) return;
    isSetting = true;
    for (const field of fields) {
      field.value = valueOf(preset, field);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    isSetting = false;
    fields[0].dispatchEvent(new Event("change", { bubbles: true }));
    show();
  });
  root.querySelector("[data-save-preset]").addEventListener("click", async () => {
    const name = (await askText(t("preset_title"), t("preset_name")))?.trim();
    if (!name) return;
    const changed = fields.filter((field) => field.value !== field.dataset.default);
    keep(name, Object.fromEntries(changed.map((field) => [field.name, field.value])));
  });
  removal.addEventListener("click", async () => {
    const name = select.value.slice(OWN.length);
    if (!(await confirmAction(t("delete_preset_title"), t("delete_preset_text", { name })))) return;
    own = readOwn();
    delete own[name];
    write();
  });
  // What somebody sends is looked at before it is kept: nothing is chosen by opening a link.
  async function offerLinked([name, options]) {
    history.replaceState(null, "", location.pathname + location.search);
    const known = Object.entries(options).filter(([field]) => fields.some((one) => one.name === field));
    const values = known.map(([field, value]) => `${field}=${value}`).join(", ");
    const labels = { yes: t("save"), no: t("cancel") };
    const isWanted = await confirmAction(t("preset_linked_title"), t("preset_linked_text", { name, values }), labels);
    if (!name || !isWanted) return;
    let free = name;
    for (let number = 2; free in own; number += 1) free = `${name} (${number})`;
    keep(free, Object.fromEntries(known));
  }

  form.addEventListener("input", (event) => event.target !== select && !isSetting && show());
  form.addEventListener("reset", () => setTimeout(show));
  list();
  show();
  const linked = readLink();
  if (linked) offerLinked(linked);
}
