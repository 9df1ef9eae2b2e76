// Trying the masks out: a picture, the options, what comes of it, and the curl line that does the same.

import { call } from "./calls.js";
import { onDrop, size } from "./files.js";
import { draw } from "./marks.js";
import { say } from "./words.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const form = find("trial");
const drop = find("drop");
const limit = Number(form.dataset.limit);
const options = [...form.querySelectorAll("select[name], input[name]")];
const TIMINGS = ["decode_ms", "preprocess_ms", "blob_ms", "inference_ms", "postprocess_ms", "nms_ms", "mask_ms", "encode_ms", "total_ms"];

let file = null;
let links = [];
let running = null;

// --- the picture ------------------------------------------------------------------------------------

function take(chosen) {
  if (!chosen) return;
  if (chosen.size > limit) return complain(say("file_too_large", { name: chosen.name, size: size(limit) }));
  file = chosen;
  for (const link of links.splice(0)) URL.revokeObjectURL(link);
  find("file-name").textContent = file.name;
  find("run").disabled = false;
  find("nothing").hidden = true;
  find("sides").hidden = false;
  show(find("original"), file);
  find("marks").replaceChildren();
  run();
}

function show(image, blob) {
  const link = URL.createObjectURL(blob);
  links.push(link);
  image.hidden = false;
  image.onerror = () => {
    image.hidden = true;
    find("summary").textContent = say("not_shown");
  };
  image.src = link;
  return link;
}

find("file").addEventListener("change", (event) => take(event.target.files[0]));
onDrop(drop, (transfer) => take(transfer.files[0]));
addEventListener("paste", (event) => take([...event.clipboardData.files].find((one) => one.type.startsWith("image/"))));

// --- the options ---------------------------------------------------------------------------------------

function query() {
  const changed = options.filter((option) => option.value !== "" && option.value !== option.dataset.default);
  return new URLSearchParams(changed.map((option) => [option.name, option.value]));
}

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function update() {
  for (const option of options) option.classList.toggle("changed", option.value !== option.dataset.default);
  const curl = document.getElementById("curl");
  const told = query().toString();
  const url = curl.dataset.url + (told ? `?${told}` : "");
  const format = form.elements.format.value;
  const name = file ? file.name : "photo.jpg";
  curl.textContent = [
    'curl -f -H "X-API-Key: $FACE_API_KEY"',
    `-F ${quoted(`image=@${name}`)}`,
    quoted(url),
    `-o masked.${format === "jpeg" ? "jpg" : format}`,
  ].join(" \\\n  ");
}

form.addEventListener("input", update);
form.addEventListener("change", (event) => event.target.name && file && form.checkValidity() && run());
form.addEventListener("reset", () =>
  setTimeout(() => {
    update();
    if (file) run();
  }),
);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (file) run();
});

// --- what comes of it -----------------------------------------------------------------------------------

async function run() {
  update();
  running?.abort();
  const own = (running = new AbortController());
  const body = new FormData();
  body.append("image", file);
  find("problem").hidden = true;
  find("busy").hidden = false;
  find("run").disabled = true;
  try {
    const answer = await call("POST", `/api/v1/admin/test/mask?${query()}`, { form: body, signal: own.signal });
    if (own === running) tell(answer);
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
  } finally {
    if (own === running) {
      find("busy").hidden = true;
      find("run").disabled = false;
    }
  }
}

function complain(text) {
  const problem = find("problem");
  problem.querySelector("span").textContent = text;
  problem.hidden = false;
  find("masked").hidden = true;
  for (const name of ["details", "json", "tools"]) find(name).hidden = true;
}

function tell(answer) {
  const { image_base64: encoded, ...output } = answer.output;
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const save = find("save");
  save.href = show(find("masked"), new Blob([bytes], { type: `image/${output.format}` }));
  save.download = `${file.name.replace(/\.[^.]*$/, "")}-masked.${output.format === "jpeg" ? "jpg" : output.format}`;
  save.hidden = false;
  draw(find("marks"), answer.image.width, answer.image.height, answer.detections);
  const { masking, processing } = answer;
  find("summary").textContent = answer.detections.length
    ? say("found", {
        faces: answer.detections.length,
        regions: masking.regions_masked,
        strength: masking.effective_strength,
        ms: Math.round(processing.total_ms),
      })
    : say("no_faces");
  const { metadata_removed: removed = [], verification } = answer;
  const more = find("more");
  more.replaceChildren();
  if (removed.length) more.append(element("li", say("removed", { names: removed.join(", ") })));
  if (verification) more.append(element("li", say("verified", { again: verification.regions_masked_again })));
  find("faces").replaceChildren(...answer.detections.map(row));
  find("timings").replaceChildren(...TIMINGS.filter((name) => answer.profiling[name] != null).flatMap((name) => pair(name, answer)));
  document.getElementById("document").textContent = JSON.stringify(
    { ...answer, output: { ...output, image_base64: `${encoded.slice(0, 24)}…` } },
    null,
    2,
  );
  for (const name of ["details", "json", "tools"]) find(name).hidden = false;
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function row(face) {
  const item = document.createElement("li");
  item.append(
    element("span", face.index + 1),
    element("span", `${Math.round(face.size.width)} × ${Math.round(face.size.height)}`, "muted"),
    element("span", face.confidence.toFixed(4), "number"),
  );
  const mark = () => find("marks").querySelector(`[data-face="${face.index}"]`);
  item.addEventListener("pointerenter", () => mark()?.classList.add("lit"));
  item.addEventListener("pointerleave", () => mark()?.classList.remove("lit"));
  return item;
}

function pair(name, answer) {
  return [element("dt", say(name)), element("dd", `${answer.profiling[name].toFixed(1)} ms`)];
}

find("show-marks").addEventListener("change", (event) => {
  find("marks").toggleAttribute("hidden", !event.target.checked);
});
update();
