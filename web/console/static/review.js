// The review editor: rejects detected faces, adds missed ones, and masks the image again.

import { callApi } from "./api.js";
import { toast, toastOnNextPage } from "./dialogs.js";
import { afterKey, boxElement, centredBox, onDraw } from "./drawing.js";
import { t } from "./texts.js";

const editor = JSON.parse(document.getElementById("editor").textContent);
const overlay = document.querySelector("[data-marks]");
const rows = document.querySelector("[data-rows]");
const size = [editor.width, editor.height];
// A near miss is not masked yet: it begins as a face that is left out.
const faces = editor.faces.map((face) => ({ ...face, removed: Boolean(face.near) }));
const added = [];

// --- drawing ------------------------------------------------------------------------------------------

// Redraw the overlay and the list; `focused` is a selector of the box that gets the focus.
function render(focused = null) {
  const boxes = [];
  const items = [];
  faces.forEach((face, index) => {
    const name = t("face", { n: face.index + 1 });
    const box = boxElement(face, `${face.index + 1} · ${face.confidence.toFixed(2)}`, [face.doubtful && "doubtful", face.removed && "removed"].filter(Boolean).join(" "), size);
    box.setAttribute("aria-label", name);
    box.setAttribute("aria-pressed", String(face.removed));
    box.dataset.face = index;
    boxes.push(box);
    items.push(faceRow(name, face));
  });
  added.forEach((face, index) => {
    const box = boxElement(face, t("added_face", { n: index + 1 }), "own", size);
    box.dataset.added = index;
    boxes.push(box);
    items.push(addedRow(index));
  });
  overlay.replaceChildren(...boxes);
  rows.replaceChildren(...items);
  if (focused !== null) overlay.querySelector(focused)?.focus();
}

function createElement(name, text, className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
}

function actionButton(text, label, action) {
  const element = createElement("button", text, "button small");
  element.type = "button";
  element.setAttribute("aria-label", `${text}: ${label}`);
  element.addEventListener("click", action);
  return element;
}

function faceRow(name, face) {
  const line = document.createElement("li");
  line.append(createElement("span", name, face.removed ? "gone" : ""), createElement("span", face.confidence.toFixed(2), "muted number"));
  if (face.doubtful) {
    const pill = createElement("span", rows.dataset.doubtful, "pill");
    pill.dataset.state = "doubtful";
    line.append(pill);
  }
  line.append(actionButton(face.removed ? rows.dataset.restore : rows.dataset.reject, name, () => toggle(face)));
  return line;
}

function addedRow(index) {
  const line = document.createElement("li");
  const name = t("added_face", { n: index + 1 });
  line.append(createElement("span", name), actionButton(rows.dataset.deleteBox, name, () => removeAdded(index)));
  return line;
}

function toggle(face) {
  face.removed = !face.removed;
  render(`[data-face="${faces.indexOf(face)}"]`);
}

function removeAdded(index) {
  added.splice(index, 1);
  render();
}

// --- pointer and keyboard input ------------------------------------------------------------------------------

function add(box) {
  added.push(box);
  render(`[data-added="${added.length - 1}"]`);
}

onDraw(overlay, () => size, add, (box) => (box?.dataset.face ? toggle(faces[box.dataset.face]) : box?.focus()));
document.querySelector("[data-add]").addEventListener("click", () => add(centredBox(size)));

overlay.addEventListener("keydown", (event) => {
  const box = event.target.closest(".mark");
  if (!box) return;
  const face = faces[box.dataset.face];
  if (face && (event.key === "Enter" || event.key === " " || event.key === "Delete")) {
    event.preventDefault();
    return toggle(face);
  }
  if (!box.dataset.added) return;
  const index = Number(box.dataset.added);
  if (event.key === "Delete" || event.key === "Backspace") return removeAdded(index);
  const moved = afterKey(added[index], event, size);
  if (!moved) return;
  event.preventDefault();
  added[index] = moved;
  render(`[data-added="${index}"]`);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const name = { a: "accept", m: "mask", n: "skip" }[event.key.toLowerCase()];
  document.querySelector(`[data-${name}]`)?.click();
});

// --- verdicts ---------------------------------------------------------------------------------------------

async function submitVerdict(path, json, text) {
  const buttons = document.querySelectorAll(".verdicts button");
  for (const button of buttons) button.disabled = true;
  try {
    await callApi("POST", path, { json });
    toastOnNextPage(t(text));
    location.assign(editor.done_url);
  } catch (error) {
    for (const button of buttons) button.disabled = false;
    toast(error.message, "failed");
  }
}

document.querySelector("[data-accept]")?.addEventListener("click", () =>
  submitVerdict(`/api/v1/admin/jobs/${editor.job}/review`, { verdict: "accepted" }, "review_accepted"),
);
document.querySelector("[data-mask]").addEventListener("click", () => {
  const indexes = (removed) => faces.filter((face) => !face.near && face.removed === removed).map((face) => face.index);
  const restored = faces.filter((face) => face.near && !face.removed).map(({ x1, y1, x2, y2 }) => ({ x1, y1, x2, y2 }));
  const json = { job_id: editor.job, keep: indexes(false), remove: indexes(true), add: [...restored, ...added] };
  submitVerdict(`/api/v1/admin/images/${editor.image}/mask`, json, "masked_again");
});
render();
