// Doubtful faces: which are none, which were missed, and masking the picture again.

import { call } from "./calls.js";
import { later, toast } from "./dialogs.js";
import { LABEL_SHARE, svg } from "./marks.js";
import { say } from "./words.js";

const LEAST = 4; // pixels of the picture: a shorter stroke is a click
const edit = JSON.parse(document.getElementById("edit").textContent);
const marks = document.querySelector("[data-marks]");
const rows = document.querySelector("[data-rows]");
const side = Math.max(edit.width, edit.height);
const faces = edit.faces.map((face) => ({ ...face, removed: false }));
const added = [];

// --- drawing ------------------------------------------------------------------------------------------

function rectangle(box) {
  return { x: Math.min(box.x1, box.x2), y: Math.min(box.y1, box.y2), width: Math.abs(box.x2 - box.x1), height: Math.abs(box.y2 - box.y1) };
}

function group(box, name, kind) {
  const size = side * LABEL_SHARE;
  const place = rectangle(box);
  const shown = svg("g", { class: `mark ${kind}`, tabindex: 0, role: "button", "aria-label": name });
  shown.append(svg("rect", place), svg("text", { x: place.x, y: Math.max(place.y - size * 0.3, size), "font-size": size }, name));
  return shown;
}

function render(focused = null) {
  const shown = [];
  const told = [];
  faces.forEach((face, at) => {
    const name = say("face", { n: face.index + 1 });
    const mark = group(face, `${face.index + 1} · ${face.confidence.toFixed(2)}`, [face.doubtful && "doubtful", face.removed && "removed"].filter(Boolean).join(" "));
    mark.setAttribute("aria-label", name);
    mark.setAttribute("aria-pressed", String(face.removed));
    mark.dataset.face = at;
    shown.push(mark);
    told.push(row(name, face));
  });
  added.forEach((box, at) => {
    const mark = group(box, say("added_face", { n: at + 1 }), "own");
    mark.dataset.added = at;
    shown.push(mark);
    told.push(ownRow(at));
  });
  marks.replaceChildren(...shown);
  rows.replaceChildren(...told);
  if (focused !== null) marks.querySelector(focused)?.focus();
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function button(text, label, act) {
  const made = element("button", text, "button small");
  made.type = "button";
  made.setAttribute("aria-label", `${text}: ${label}`);
  made.addEventListener("click", act);
  return made;
}

function row(name, face) {
  const line = document.createElement("li");
  line.append(element("span", name, face.removed ? "gone" : ""), element("span", face.confidence.toFixed(2), "muted number"));
  if (face.doubtful) {
    const pill = element("span", rows.dataset.doubtful, "pill");
    pill.dataset.state = "doubtful";
    line.append(pill);
  }
  line.append(button(face.removed ? rows.dataset.keep : rows.dataset.remove, name, () => toggle(face)));
  return line;
}

function ownRow(at) {
  const line = document.createElement("li");
  const name = say("added_face", { n: at + 1 });
  line.append(element("span", name), button(rows.dataset.delete, name, () => drop(at)));
  return line;
}

function toggle(face) {
  face.removed = !face.removed;
  render(`[data-face="${faces.indexOf(face)}"]`);
}

function drop(at) {
  added.splice(at, 1);
  render();
}

// --- the pointer -----------------------------------------------------------------------------------------

function point(event) {
  const box = marks.getBoundingClientRect();
  const clip = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
  return [clip(((event.clientX - box.left) / box.width) * edit.width, edit.width), clip(((event.clientY - box.top) / box.height) * edit.height, edit.height)];
}

let stroke = null;
marks.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  const [x, y] = point(event);
  stroke = { box: { x1: x, y1: y, x2: x, y2: y }, on: event.target.closest(".mark"), shown: null };
  marks.setPointerCapture(event.pointerId);
});
marks.addEventListener("pointermove", (event) => {
  if (!stroke) return;
  [stroke.box.x2, stroke.box.y2] = point(event);
  stroke.shown?.remove();
  stroke.shown = group(stroke.box, "", "own");
  marks.append(stroke.shown);
});
marks.addEventListener("pointerup", () => {
  if (!stroke) return;
  const { box, on, shown } = stroke;
  stroke = null;
  shown?.remove();
  const { width, height } = rectangle(box);
  if (width >= LEAST && height >= LEAST) add(box);
  else if (on?.dataset.face) toggle(faces[on.dataset.face]);
  else on?.focus();
});

function add(box) {
  const { x, y, width, height } = rectangle(box);
  added.push({ x1: x, y1: y, x2: x + width, y2: y + height });
  render(`[data-added="${added.length - 1}"]`);
}

document.querySelector("[data-add]").addEventListener("click", () => {
  const part = Math.round(side / 12);
  const [x, y] = [Math.round(edit.width / 2), Math.round(edit.height / 2)];
  add({ x1: x - part, y1: y - part, x2: x + part, y2: y + part });
});

// --- the keys ------------------------------------------------------------------------------------------------

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

marks.addEventListener("keydown", (event) => {
  const mark = event.target.closest(".mark");
  if (!mark) return;
  const face = faces[mark.dataset.face];
  if (face && (event.key === "Enter" || event.key === " " || event.key === "Delete")) {
    event.preventDefault();
    return toggle(face);
  }
  if (!mark.dataset.added) return;
  const at = Number(mark.dataset.added);
  if (event.key === "Delete" || event.key === "Backspace") return drop(at);
  if (!STEPS[event.key]) return;
  event.preventDefault();
  const [dx, dy] = STEPS[event.key].map((step) => step * Math.max(1, Math.round(side / 200)));
  move(added[at], dx, dy, event.shiftKey);
  render(`[data-added="${at}"]`);
});

function move(box, dx, dy, resize) {
  const clip = (value, least, most) => Math.min(Math.max(value, least), most);
  if (!resize) {
    dx = clip(dx, -box.x1, edit.width - box.x2);
    dy = clip(dy, -box.y1, edit.height - box.y2);
    box.x1 += dx;
    box.y1 += dy;
  }
  box.x2 = clip(box.x2 + dx, box.x1 + LEAST, edit.width);
  box.y2 = clip(box.y2 + dy, box.y1 + LEAST, edit.height);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const name = { a: "accept", m: "mask", n: "skip" }[event.key.toLowerCase()];
  document.querySelector(`[data-${name}]`)?.click();
});

// --- what comes of it ---------------------------------------------------------------------------------------------

async function decide(path, json, text) {
  const buttons = document.querySelectorAll(".verdicts button");
  for (const one of buttons) one.disabled = true;
  try {
    await call("POST", path, { json });
    later(say(text));
    location.assign(edit.then);
  } catch (error) {
    for (const one of buttons) one.disabled = false;
    toast(error.message, "failed");
  }
}

document.querySelector("[data-accept]")?.addEventListener("click", () =>
  decide(`/api/v1/admin/jobs/${edit.job}/review`, { verdict: "accepted" }, "accepted"),
);
document.querySelector("[data-mask]").addEventListener("click", () => {
  const indexes = (removed) => faces.filter((face) => face.removed === removed).map((face) => face.index);
  const json = { job_id: edit.job, keep: indexes(false), remove: indexes(true), add: added };
  decide(`/api/v1/admin/images/${edit.image}/mask`, json, "masked_again");
});
render();
