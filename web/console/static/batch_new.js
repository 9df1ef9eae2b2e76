// Creates a batch: selects files, sends the options, and uploads the files.

import { callApi } from "./api.js";
import { confirmAction, toastOnNextPage } from "./dialogs.js";
import { addFiles, chosenFiles, droppedFiles, formatSize, onDrop } from "./files.js";
import { offerPresets } from "./presets.js";
import { explain, plural, t } from "./texts.js";
import { isTooLarge, sendFiles } from "./uploads.js";

const MAX_LISTED = 200;

const form = document.querySelector("[data-batch-form]");
const find = (name) => form.querySelector(`[data-${name}]`);
const selected = new Map();
const limit = Number(form.dataset.limit);

export function select(files) {
  addFiles(selected, files);
  const total = [...selected.values()].reduce((sum, file) => sum + file.size, 0);
  const tooLarge = [...selected.values()].filter((file) => isTooLarge(file, limit)).length;
  const parts = selected.size ? [plural("files_selected", selected.size, { size: formatSize(total) })] : [];
  if (tooLarge) parts.push(t("files_too_large", { n: tooLarge, size: formatSize(limit) }));
  find("summary").textContent = parts.join(" · ");
  find("submit").disabled = !selected.size;
  find("clear").hidden = !selected.size;
  const list = find("file-list");
  list.hidden = !selected.size;
  list.replaceChildren(
    ...[...selected].slice(0, MAX_LISTED).map(([name, file]) => {
      const line = document.createElement("li");
      const label = document.createElement("span");
      label.textContent = name;
      const bytes = document.createElement("span");
      bytes.textContent = formatSize(file.size);
      line.append(label, bytes);
      if (isTooLarge(file, limit)) {
        line.className = "refused";
        bytes.textContent += ` · ${explain({ code: "upload_too_large" })}`;
      }
      return line;
    }),
    ...(selected.size > MAX_LISTED ? [Object.assign(document.createElement("li"), { textContent: "…" })] : []),
  );
}

for (const name of ["file", "folder"]) {
  find(name).addEventListener("change", (event) => {
    select(chosenFiles(event.target));
    event.target.value = "";
  });
}
onDrop(find("drop"), async (transfer) => select(await droppedFiles(transfer)));
form.addEventListener("reset", (event) => {
  event.preventDefault();
  selected.clear();
  select([]);
});

const type = form.elements["batch-type"];
const masking = form.querySelector('[data-group="masking"]');
type.addEventListener("change", () => (masking.hidden = type.value !== "mask"));

// The options that differ from the defaults, as JSON values.
function changedOptions() {
  const groups = [...form.querySelectorAll("[data-group]")].filter((group) => !group.hidden);
  const fields = groups.flatMap((group) => [...group.querySelectorAll("[name]")]);
  const changed = fields.filter((field) => field.value !== "" && field.value !== field.dataset.default);
  return Object.fromEntries(changed.map((field) => [field.name, jsonValue(field)]));
}

function jsonValue(field) {
  if (field.dataset.kind === "regions") return parsedRegions(field);
  const isNumber = field.type === "number" || field.dataset.kind === "integer";
  if (isNumber && !Number.isNaN(Number(field.value))) return Number(field.value);
  return ["true", "false"].includes(field.value) ? field.value === "true" : field.value;
}

function parsedRegions(field) {
  try {
    return JSON.parse(field.value);
  } catch {
    throw new Error(t("not_json", { name: field.labels[0].textContent.trim() }));
  }
}

// The batch that was created and not closed yet: a retry after a failed call continues it and uploads nothing twice.
let open = null;

async function createOrReuse(json) {
  const request = JSON.stringify(json);
  if (open?.request !== request) open = { request, batch: await callApi("POST", form.dataset.path, { json }) };
  return open.batch;
}

async function submit() {
  const json = { name: form.elements["batch-name"].value, job_type: type.value, options: changedOptions() };
  const kept = json.options.keep_regions?.length;
  const labels = { yes: t("uncover"), no: t("cancel") };
  if (kept && !open && !(await confirmAction(t("keep_title"), t("keep_text", { n: kept }), labels))) return stopped();
  const batch = await createOrReuse(json);
  const rejected = await sendFiles(`${form.dataset.path}/${batch.id}`, selected, limit, (done) => {
    find("summary").textContent = t("uploading", { done, n: selected.size });
    find("progress").querySelector(".series-mask").setAttribute("width", (done / selected.size) * 100);
  });
  await callApi("POST", `${form.dataset.path}/${batch.id}/close`);
  open = null;
  if (rejected.length) toastOnNextPage(t("files_rejected", { n: rejected.length, name: rejected[0].name, detail: explain(rejected[0]) }), "failed");
  location.assign(`${form.dataset.batchesUrl}/${batch.id}`);
}

function stopped() {
  find("submit").disabled = false;
  find("progress").toggleAttribute("hidden", true);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = find("problem");
  problem.hidden = true;
  find("submit").disabled = true;
  find("progress").toggleAttribute("hidden", false);
  try {
    await submit();
  } catch (error) {
    if (error.status === 409) open = null; // somebody else has closed or cancelled it
    problem.querySelector("span").textContent = error.message;
    problem.hidden = false;
    find("progress").toggleAttribute("hidden", true);
    select([]);
  }
});

offerPresets(form);
