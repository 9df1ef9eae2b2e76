// The test page: masks one image with the chosen options, and shows the same call as a curl command.

import { callApi } from "./api.js";
import { curlCommand } from "./curl.js";
import { confirmAction } from "./dialogs.js";
import { fetchPreview, formatSize, onDrop } from "./files.js";
import { drawFaces } from "./overlays.js";
import { offerPresets } from "./presets.js";
import { editRegions } from "./regions.js";
import { plural, t } from "./texts.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const form = find("test-form");
const drop = find("drop");
const limit = Number(form.dataset.limit);
const options = [...form.querySelectorAll("select[name], input[name]")];
const regions = [...form.querySelectorAll("textarea[name]")]; // sent in the body, since they can be long
const TIMINGS = ["decode_ms", "preprocess_ms", "blob_ms", "inference_ms", "postprocess_ms", "nms_ms", "mask_ms", "verify_ms", "encode_ms", "total_ms"];

const original = find("original");
const drawRegions = editRegions(find("regions"), regions, find("region-kind"), () => size ?? [original.naturalWidth, original.naturalHeight]);

let file = null;
let size = null; // of the image, where a preview of another size is shown
let isShown = true;
let pending = null;
let uncovered = 0; // how many sure faces the shown result leaves visible

// --- the image ------------------------------------------------------------------------------------

function select(chosen) {
  if (!chosen) return;
  if (chosen.size > limit) {
    unselect();
    return showProblem(t("file_too_large", { name: chosen.name, size: formatSize(limit) }));
  }
  file = chosen;
  find("file-name").textContent = file.name;
  find("run").disabled = false;
  find("empty").hidden = true;
  find("sides").hidden = false;
  find("drawing").hidden = true; // until the image is there
  [size, isShown] = [null, true];
  showImage(original, file);
  original.onerror = showPreview;
  mask();
}

// The browser can't show the image: the service does.
async function showPreview() {
  original.hidden = true;
  const own = file;
  try {
    const preview = await fetchPreview(own);
    if (own !== file) return;
    size = preview.size;
    showImage(original, preview.blob);
  } catch {
    if (own !== file) return;
    isShown = false;
    if (!find("save").hidden) find("notes").prepend(createElement("li", t("not_shown")));
  }
}

// A file that is refused takes the place of the one before: nothing on the page is of that any more.
function unselect() {
  file = null;
  pending?.abort();
  pending = null;
  find("file").value = "";
  find("file-name").textContent = find("file-name").dataset.none;
  find("run").disabled = true;
  find("busy").hidden = true;
  find("sides").hidden = true;
  hideImage(original);
  clearResult();
  find("empty").hidden = false;
  updateCurl();
}

// Take away all that is told of a result, so that none of it stands beside another image or a failure.
function clearResult() {
  uncovered = 0;
  hideImage(find("masked"));
  for (const name of ["save", "details", "json", "tools"]) find(name).hidden = true;
  find("save").removeAttribute("href");
  find("summary").textContent = "";
  for (const name of ["marks", "notes", "faces", "timings"]) find(name).replaceChildren();
  document.getElementById("document").textContent = "";
}

function showImage(image, blob) {
  hideImage(image);
  image.hidden = false;
  image.onerror = () => (image.hidden = true);
  return (image.src = URL.createObjectURL(blob));
}

function hideImage(image) {
  URL.revokeObjectURL(image.src);
  image.onerror = null;
  image.removeAttribute("src");
  image.hidden = true;
}

find("file").addEventListener("change", (event) => select(event.target.files[0]));
onDrop(drop, (transfer) => select(transfer.files[0]));
addEventListener("paste", (event) => select([...event.clipboardData.files].find((pasted) => pasted.type.startsWith("image/"))));

original.addEventListener("load", () => {
  find("drawing").hidden = false;
  drawRegions();
});

// --- the options ---------------------------------------------------------------------------------------

function changedOptions() {
  const changed = options.filter((option) => option.value !== "" && option.value !== option.dataset.default);
  return new URLSearchParams(changed.map((option) => [option.name, option.value]));
}

function givenRegions() {
  return regions.filter((field) => field.value.trim()).map((field) => [field.name, field.value.trim()]);
}

function updateCurl() {
  for (const option of [...options, ...regions]) option.classList.toggle("changed", option.value !== option.dataset.default);
  const curl = document.getElementById("curl");
  const query = changedOptions().toString();
  const url = curl.dataset.url + (query ? `?${query}` : "");
  curl.textContent = curlCommand(url, file ? file.name : "photo.jpg", givenRegions(), form.elements.format.value);
}

form.addEventListener("input", updateCurl);
form.addEventListener("change", (event) => event.target.name && file && form.checkValidity() && mask());
form.addEventListener("reset", () =>
  setTimeout(() => {
    updateCurl();
    drawRegions();
    if (file) mask();
  }),
);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (file) mask();
});

// --- the result -----------------------------------------------------------------------------------

async function mask() {
  updateCurl();
  pending?.abort();
  const own = (pending = new AbortController());
  const body = new FormData();
  body.append("image", file);
  for (const [name, text] of givenRegions()) body.append(name, text);
  clearResult();
  find("problem").hidden = true;
  find("busy").hidden = false;
  find("run").disabled = true;
  try {
    const result = await callApi("POST", `/api/v1/admin/test/mask?${changedOptions()}`, { form: body, signal: own.signal });
    if (own === pending) showResult(result);
  } catch (error) {
    if (own === pending && error.name !== "AbortError") showProblem(error.message);
  } finally {
    if (own === pending) {
      find("busy").hidden = true;
      find("run").disabled = false;
    }
  }
}

function showProblem(text) {
  const problem = find("problem");
  problem.querySelector("span").textContent = text;
  problem.hidden = false;
}

function showResult(result) {
  const { image_base64: encoded, ...output } = result.output;
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const save = find("save");
  save.href = showImage(find("masked"), new Blob([bytes], { type: `image/${output.format}` }));
  save.download = `${file.name.replace(/\.[^.]*$/, "")}-masked.${output.format === "jpeg" ? "jpg" : output.format}`;
  save.hidden = false;
  drawFaces(find("marks"), result.image.width, result.image.height, result.detections);
  const { masking, processing } = result;
  find("summary").textContent = result.detections.length || masking.regions_masked
    ? t("mask_summary", {
        faces: result.summary.face_count,
        regions: masking.regions_masked,
        strength: masking.effective_strength,
        ms: Math.round(processing.total_ms),
      })
    : t(masking.kept_faces ? "all_kept" : "no_faces", { n: masking.kept_faces });
  uncovered = masking.uncovered_faces;
  const { metadata_removed: removed = [], verification } = result;
  const notes = find("notes");
  if (!isShown) notes.append(createElement("li", t("not_shown")));
  if (processing.smallest_face_px) notes.append(createElement("li", t("smallest_face", { px: Math.ceil(processing.smallest_face_px) })));
  if (removed.length) notes.append(createElement("li", t("metadata_removed", { names: removed.join(", ") })));
  if (uncovered) notes.append(createElement("li", t("uncovered_faces", { n: uncovered }), "warned"));
  if (masking.kept_faces) notes.append(createElement("li", t("kept_faces", { n: masking.kept_faces })));
  if (verification) notes.append(createElement("li", masking.kept_faces ? plural("verification_of_others", verification.regions_masked_again) : plural("verification_summary", verification.regions_masked_again)));
  find("faces").replaceChildren(...result.detections.map(faceRow));
  find("timings").replaceChildren(...TIMINGS.filter((name) => result.profiling[name] != null).flatMap((name) => timingPair(name, result)));
  document.getElementById("document").textContent = JSON.stringify(
    { ...result, output: { ...output, image_base64: `${encoded.slice(0, 24)}…` } },
    null,
    2,
  );
  for (const name of ["details", "json", "tools"]) find(name).hidden = false;
}

function createElement(name, text, className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
}

function faceRow(face) {
  const item = document.createElement("li");
  item.append(
    createElement("span", face.index + 1),
    createElement("span", `${Math.round(face.size.width)} × ${Math.round(face.size.height)}`, "muted"),
    createElement("span", face.confidence.toFixed(4), "number"),
  );
  const box = () => find("marks").querySelector(`[data-face="${face.index}"]`);
  item.addEventListener("pointerenter", () => box()?.classList.add("lit"));
  item.addEventListener("pointerleave", () => box()?.classList.remove("lit"));
  return item;
}

function timingPair(name, result) {
  return [createElement("dt", t(name)), createElement("dd", `${result.profiling[name].toFixed(1)} ms`)];
}

// A picture with a face that would have been masked is saved only by somebody who wants that.
find("save").addEventListener("click", async (event) => {
  if (!uncovered || !event.isTrusted) return;
  event.preventDefault();
  const labels = { yes: t("save_anyway"), no: t("cancel") };
  if (await confirmAction(t("uncover_title"), t("uncover_text", { n: uncovered }), labels)) find("save").click();
});

find("show-marks").addEventListener("change", (event) => {
  find("marks").toggleAttribute("hidden", !event.target.checked);
});
offerPresets(form);
updateCurl();
