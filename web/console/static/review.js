// The review editor: rejects detected faces, adds missed ones, and masks the image again.

import { callApi } from "./api.js";
import { toast, toastOnNextPage } from "./dialogs.js";
import { LABEL_SHARE, createSvg } from "./overlays.js";
import { t } from "./texts.js";

const MIN_SIDE = 4; // pixels of the image: a shorter drag is a click
const editor = JSON.parse(document.getElementById("editor").textContent);
const overlay = document.querySelector("[data-marks]");
const rows = document.querySelector("[data-rows]");
const side = Math.max(editor.width, editor.height);
// A near miss is not masked yet: it begins as a face that is left out.
const faces = editor.faces.map((face) => ({ ...face, removed: Boolean(face.near) }));
const added = [];

// --- drawing ------------------------------------------------------------------------------------------

function rectangle(box) {
  return { x: Math.min(box.x1, box.x2), y: Math.min(box.y1, box.y2), width: Math.abs(box.x2 - box.x1), height: Math.abs(box.y2 - box.y1) };
}

function boxElement(box, name, classes) {
  const size = side * LABEL_SHARE;
  const rect = rectangle(box);
  const element = createSvg("g", { class: `mark ${classes}`, tabindex: 0, role: "button", "aria-label": name });
  element.append(createSvg("rect", rect), createSvg("text", { x: rect.x, y: Math.max(rect.y - size * 0.3, size), "font-size": size }, name));
  return element;
}

// Redraw the overlay and the list; `focused` is a selector of the box that gets the focus.
function render(focused = null) {
  const boxes = [];
  const items = [];
  faces.forEach((face, index) => {
    const name = t("face", { n: face.index + 1 });
    const box = boxElement(face, `${face.index + 1} · ${face.confidence.toFixed(2)}`, [face.doubtful && "doubtful", face.removed && "removed"].filter(Boolean).join(" "));
    box.setAttribute("aria-label", name);
    box.setAttribute("aria-pressed", String(face.removed));
    box.dataset.face = index;
    boxes.push(box);
    items.push(faceRow(name, face));
  });
  added.forEach((face, index) => {
    const box = boxElement(face, t("added_face", { n: index + 1 }), "own");
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

// --- pointer input -----------------------------------------------------------------------------------------

// The event's position in pixels of the image.
function imagePoint(event) {
  const bounds = overlay.getBoundingClientRect();
  const clip = (value, maximum) => Math.round(Math.min(Math.max(value, 0), maximum));
  return [clip(((event.clientX - bounds.left) / bounds.width) * editor.width, editor.width), clip(((event.clientY - bounds.top) / bounds.height) * editor.height, editor.height)];
}

let drag = null;
overlay.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  const [x, y] = imagePoint(event);
  drag = { box: { x1: x, y1: y, x2: x, y2: y }, target: event.target.closest(".mark"), preview: null };
  overlay.setPointerCapture(event.pointerId);
});
overlay.addEventListener("pointermove", (event) => {
  if (!drag) return;
  [drag.box.x2, drag.box.y2] = imagePoint(event);
  drag.preview?.remove();
  drag.preview = boxElement(drag.box, "", "own");
  overlay.append(drag.preview);
});
overlay.addEventListener("pointerup", () => {
  if (!drag) return;
  const { box, target, preview } = drag;
  drag = null;
  preview?.remove();
  const { width, height } = rectangle(box);
  if (width >= MIN_SIDE && height >= MIN_SIDE) add(box);
  else if (target?.dataset.face) toggle(faces[target.dataset.face]);
  else target?.focus();
});

function add(box) {
  const { x, y, width, height } = rectangle(box);
  added.push({ x1: x, y1: y, x2: x + width, y2: y + height });
  render(`[data-added="${added.length - 1}"]`);
}

document.querySelector("[data-add]").addEventListener("click", () => {
  const half = Math.round(side / 12);
  const [x, y] = [Math.round(editor.width / 2), Math.round(editor.height / 2)];
  add({ x1: x - half, y1: y - half, x2: x + half, y2: y + half });
});

// --- keyboard input ------------------------------------------------------------------------------------------------

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

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
  if (!STEPS[event.key]) return;
  event.preventDefault();
  const [dx, dy] = STEPS[event.key].map((step) => step * Math.max(1, Math.round(side / 200)));
  move(added[index], dx, dy, event.shiftKey);
  render(`[data-added="${index}"]`);
});

function move(box, dx, dy, resize) {
  const clip = (value, minimum, maximum) => Math.min(Math.max(value, minimum), maximum);
  if (!resize) {
    dx = clip(dx, -box.x1, editor.width - box.x2);
    dy = clip(dy, -box.y1, editor.height - box.y2);
    box.x1 += dx;
    box.y1 += dy;
  }
  box.x2 = clip(box.x2 + dx, box.x1 + MIN_SIDE, editor.width);
  box.y2 = clip(box.y2 + dy, box.y1 + MIN_SIDE, editor.height);
}

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
