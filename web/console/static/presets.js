// Presets of options: those of the service, and the viewer's own, which this browser keeps.

import { askText, confirmAction, toast } from "./dialogs.js";
import { t } from "./texts.js";

const STORE = "face_api_presets";
const OWN = "own:";

function readOwn() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? {};
  } catch {
    return {};
  }
}

// form: with fields in elements of the class `option`, each of which knows its default.
export function offerPresets(form) {
  const root = form.querySelector("[data-presets]");
  const select = root.querySelector("select");
  const group = root.querySelector("[data-own]");
  const removal = root.querySelector("[data-delete-preset]");
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
    removal.hidden = !select.value.startsWith(OWN);
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
    own = { ...readOwn(), [name]: Object.fromEntries(changed.map((field) => [field.name, field.value])) };
    write();
    select.value = OWN + name;
    show();
  });
  removal.addEventListener("click", async () => {
    const name = select.value.slice(OWN.length);
    if (!(await confirmAction(t("delete_preset_title"), t("delete_preset_text", { name })))) return;
    own = readOwn();
    delete own[name];
    write();
  });
  form.addEventListener("input", (event) => event.target !== select && !isSetting && show());
  form.addEventListener("reset", () => setTimeout(show));
  list();
  show();
}
