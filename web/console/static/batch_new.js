// Beginning a batch: files, options, and sending them a few at a time.

import { call } from "./calls.js";
import { later } from "./dialogs.js";
import { dropped, onDrop, size } from "./files.js";
import { say } from "./words.js";

const MOST_AT_ONCE = 50;
const SHARE_OF_LIMIT = 0.8; // the names and headers of the parts need room as well
const SHOWN = 200;

const form = document.querySelector("[data-new]");
const find = (name) => form.querySelector(`[data-${name}]`);
const limit = Number(form.dataset.limit) * SHARE_OF_LIMIT;
const chosen = new Map();

function take(files) {
  for (const { file, name } of files) chosen.set(name, file);
  const total = [...chosen.values()].reduce((sum, file) => sum + file.size, 0);
  find("chosen").textContent = chosen.size ? say("chosen", { n: chosen.size, size: size(total) }) : "";
  find("start").disabled = !chosen.size;
  find("clear").hidden = !chosen.size;
  const names = find("names");
  names.hidden = !chosen.size;
  names.replaceChildren(
    ...[...chosen].slice(0, SHOWN).map(([name, file]) => {
      const line = document.createElement("li");
      const told = document.createElement("span");
      told.textContent = name;
      const bytes = document.createElement("span");
      bytes.textContent = size(file.size);
      line.append(told, bytes);
      return line;
    }),
    ...(chosen.size > SHOWN ? [Object.assign(document.createElement("li"), { textContent: "…" })] : []),
  );
}

find("file").addEventListener("change", (event) => {
  take([...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
  event.target.value = "";
});
onDrop(find("drop"), async (transfer) => take(await dropped(transfer)));
form.addEventListener("reset", (event) => {
  event.preventDefault();
  chosen.clear();
  take([]);
});

const type = form.elements["batch-type"];
const masking = form.querySelector('[data-group="masking"]');
type.addEventListener("change", () => (masking.hidden = type.value !== "mask"));

// What differs from the defaults, each as the kind of value that it is.
function options() {
  const groups = [...form.querySelectorAll("[data-group]")].filter((group) => !group.hidden);
  const fields = groups.flatMap((group) => [...group.querySelectorAll("[name]")]);
  const changed = fields.filter((field) => field.value !== "" && field.value !== field.dataset.default);
  return Object.fromEntries(changed.map((field) => [field.name, value(field)]));
}

function value(field) {
  if (field.type === "number") return Number(field.value);
  return ["true", "false"].includes(field.value) ? field.value === "true" : field.value;
}

function* parcels() {
  let parcel = [];
  let bytes = 0;
  for (const [name, file] of chosen) {
    if (parcel.length && (parcel.length === MOST_AT_ONCE || bytes + file.size > limit)) {
      yield parcel;
      parcel = [];
      bytes = 0;
    }
    parcel.push([name, file]);
    bytes += file.size;
  }
  if (parcel.length) yield parcel;
}

// What was begun and is not closed: another try after a failed call goes on with it, and sends nothing twice.
let open = null;

async function begin(json) {
  const asked = JSON.stringify(json);
  if (open?.asked !== asked) open = { asked, batch: await call("POST", form.dataset.path, { json }) };
  return open.batch;
}

async function send() {
  const json = { name: form.elements["batch-name"].value, job_type: type.value, options: options() };
  const batch = await begin(json);
  const refused = [];
  let done = 0;
  for (const parcel of parcels()) {
    find("chosen").textContent = say("sending", { done, n: chosen.size });
    const body = new FormData();
    for (const [name, file] of parcel) body.append("images", file, name);
    const receipt = await call("POST", `${form.dataset.path}/${batch.id}/images`, { form: body });
    refused.push(...receipt.refused);
    done += parcel.length;
    find("sent").querySelector(".series-mask").setAttribute("width", (done / chosen.size) * 100);
  }
  await call("POST", `${form.dataset.path}/${batch.id}/close`);
  open = null;
  if (refused.length) later(say("refused", { n: refused.length, name: refused[0].name, detail: refused[0].detail }));
  location.assign(`${form.dataset.pages}/${batch.id}`);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = find("problem");
  problem.hidden = true;
  find("start").disabled = true;
  find("sent").toggleAttribute("hidden", false);
  try {
    await send();
  } catch (error) {
    if (error.status === 409) open = null; // somebody else has ended it
    problem.querySelector("span").textContent = error.message;
    problem.hidden = false;
    find("sent").toggleAttribute("hidden", true);
    take([]);
  }
});
