// The review editor: rejects detected faces, adds missed ones, masks the image again, and shows what became of it.

import { forgetAccepted, rememberAccepted } from "./accepted.js";
import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { Edits } from "./edits.js";
import { letterOf } from "./keyboard.js";
import { CROWD, showFaces } from "./review_faces.js";
import { t } from "./texts.js";
import { Zoom } from "./zoom.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const editor = JSON.parse(document.getElementById("editor").textContent);
const image = find("canvas").querySelector("img");
const frame = find("viewport");
let pictures = editor.pictures; // the addresses of what is shown: as large as a page, and as large as a zoom needs
let result = null; // the job that was made here, until one goes on
let isJudged = false;

// --- the image and its faces ------------------------------------------------------------------------------

const edits = new Edits(editor, update);
const zoom = new Zoom(frame, find("canvas"), (level) => {
  find("zoom-out").disabled = find("zoom-fit").disabled = level === 1;
  if (level > 1 && image.getAttribute("src") !== pictures.full) image.src = pictures.full;
});
const faces = showFaces(edits, zoom, find("marks"), find("rows"));

function update() {
  faces.render();
  find("unsaved").hidden = !edits.isChanged;
  find("undo").disabled = !edits.canUndo;
}

function showLabels() {
  find("marks").classList.toggle("quiet-labels", !find("labels").checked);
}

function showPictures(shown) {
  pictures = shown;
  image.src = zoom.level > 1 ? shown.full : shown.large;
}

find("add").addEventListener("click", faces.add);
find("undo").addEventListener("click", () => edits.undo());
find("discard").addEventListener("click", () => {
  edits.discard();
  toast(t("edits_discarded"));
});
find("labels").addEventListener("change", showLabels);
find("zoom-in").addEventListener("click", () => zoom.enlarge());
find("zoom-out").addEventListener("click", () => zoom.reduce());
find("zoom-fit").addEventListener("click", () => zoom.fit());
find("by-hand").addEventListener("click", (event) => {
  const isOn = frame.classList.toggle("by-hand");
  event.currentTarget.setAttribute("aria-pressed", String(isOn));
});
for (const button of document.querySelectorAll("[data-look]")) {
  button.addEventListener("click", () => look(Number(button.dataset.look)));
}

function look(step) {
  if (!faces.go(step, false)) toast(t("nothing_doubtful"));
}

// --- keys ---------------------------------------------------------------------------------------------------

const CLICKED = { a: "accept", m: "mask", n: "next", p: "previous", u: "undo-mask", l: "labels", h: "by-hand", "+": "zoom-in", "-": "zoom-out", 0: "zoom-fit" };
const MOVES = { d: [1, false], j: [1, true], k: [-1, true] };

document.addEventListener("keydown", (event) => {
  const isText = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.altKey || isText || document.querySelector("dialog[open]")) return;
  const letter = letterOf(event);
  const withControl = event.ctrlKey || event.metaKey;
  if (!result && (letter === "z" || (letter === "y" && withControl))) {
    event.preventDefault();
    return letter === "y" || event.shiftKey ? edits.redo() : edits.undo();
  }
  if (withControl) return;
  if (MOVES[letter] && !result) {
    const [step, all] = MOVES[letter];
    if (!faces.go(event.shiftKey ? -step : step, all)) toast(t("nothing_doubtful"));
    return;
  }
  const name = CLICKED[letter === "=" ? "+" : letter];
  if (name) [...document.querySelectorAll(`[data-${name}]`)].find((one) => one.checkVisibility())?.click();
});

// --- verdicts -----------------------------------------------------------------------------------------------

async function post(path, json) {
  const buttons = [...document.querySelectorAll(".verdicts button:enabled")];
  for (const button of buttons) button.disabled = true;
  try {
    return await callApi("POST", path, { json });
  } catch (error) {
    if (error.code === "newer_result") await offerNewer();
    else toast(error.message, "failed");
    return null;
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

// Somebody else has masked the image since this page was opened: theirs is not undone unseen.
async function offerNewer() {
  const labels = { yes: t("newer_show"), no: t("newer_stay") };
  if (await confirmAction(t("newer_title"), t("newer_text"), labels)) location.assign(editor.image_url);
}

async function accept() {
  const labels = { yes: t("accept_anyway"), no: t("cancel") };
  if (edits.isChanged && !(await confirmAction(t("accept_changed_title"), t("accept_changed_text"), labels))) return;
  if (!(await post(`/api/v1/admin/jobs/${editor.job}/review`, { verdict: "accepted" }))) return;
  edits.forget();
  isJudged = true;
  rememberAccepted(editor.job, editor.name);
  toastOnNextPage(t("review_accepted"));
  location.assign(editor.done_url);
}

async function mask() {
  const n = edits.uncovering().length;
  const labels = { yes: t("uncover"), no: t("cancel") };
  if (n && !(await confirmAction(t("uncover_title"), t("uncover_text", { n }), labels))) return;
  result = await post(`/api/v1/admin/images/${editor.image}/mask`, edits.body());
  if (result) showResult();
}

// The new image is seen before one goes on.
function showResult() {
  edits.forget();
  isJudged = true;
  forgetAccepted();
  const own = (address) => address.replace(editor.job, result.id);
  showPictures({ large: own(editor.result_pictures.large), full: own(editor.result_pictures.full) });
  image.alt = t("masked_image");
  find("marks").toggleAttribute("hidden", true);
  for (const part of document.querySelectorAll("[data-editing]")) part.hidden = true;
  find("result").hidden = false;
  find("result-faces").textContent = t("result_faces", { n: result.face_count });
  const uncovered = find("result-uncovered");
  uncovered.hidden = !result.uncovered_faces;
  uncovered.querySelector("span").textContent = t("result_uncovered", { n: result.uncovered_faces });
  find("go-on").focus();
}

async function undoMask() {
  const restored = await post(`/api/v1/admin/jobs/${result.id}/undo`);
  if (!restored) return;
  edits.moveTo(restored.id);
  toastOnNextPage(t("mask_undone"));
  location.assign(editor.undone_url.replace(editor.job, restored.id));
}

find("accept")?.addEventListener("click", accept);
find("mask").addEventListener("click", mask);
find("undo-made").addEventListener("click", undoMask);
addEventListener("pagehide", () => edits.isChanged && !isJudged && toastOnNextPage(t("edits_kept")));

if (edits.isRestored) toast(t("edits_restored"));
find("labels").checked = editor.faces.length <= CROWD;
showLabels();
update();
