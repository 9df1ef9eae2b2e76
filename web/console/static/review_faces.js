// The faces of the review editor: boxes over the image and rows of a list, which show the same.

import { afterKey, boxElement, centredBox, onDraw } from "./drawing.js";
import { needsLook } from "./edits.js";
import { LABEL_SHARE } from "./overlays.js";
import { t } from "./texts.js";

export const CROWD = 30; // chosen: the labels of more faces cover each other

// edits, zoom: of the page; overlay, rows: where boxes and rows are drawn. Returns what the page's keys do.
export function showFaces(edits, zoom, overlay, rows) {
  const words = rows.dataset;
  let current = null; // the key of the box that Tab reaches; one of hundreds is enough
  const size = edits.size;
  overlay.style.setProperty("--label", `${Math.max(...size) * LABEL_SHARE}px`);

  // Everything that can have the focus: [key, box in the image], in the order of the list.
  function entries() {
    return [...edits.order.map((face) => [face.key, face]), ...edits.added.map((box, index) => [`added-${index}`, box])];
  }

  const boxOf = (key) => overlay.querySelector(`[data-key="${key}"]`);
  const rowOf = (key) => rows.querySelector(`[data-key="${key}"]`);

  // Draw all anew; the focus stays where it was, or goes to the box of this key.
  function render(focused = null) {
    const active = document.activeElement;
    const inRows = rows.contains(active) && active.closest("[data-key]").dataset.key;
    const inBoxes = overlay.contains(active) && active.dataset.key;
    const keys = entries().map(([key]) => key);
    if (!keys.includes(current)) current = keys[0] ?? null;
    overlay.replaceChildren(...edits.faces.map(faceBox), ...edits.added.map(addedBox));
    rows.replaceChildren(...edits.order.map(faceRow), ...edits.added.map(addedRow));
    setCurrent(current);
    if (focused || (inBoxes && keys.includes(inBoxes))) boxOf(focused ?? inBoxes)?.focus({ preventScroll: true });
    else if (inRows) (rowOf(inRows)?.querySelector("button") ?? document.querySelector("[data-add]")).focus();
    else if (inBoxes) boxOf(current)?.focus({ preventScroll: true });
  }

  function setCurrent(key) {
    boxOf(current)?.setAttribute("tabindex", -1);
    current = key;
    boxOf(key)?.setAttribute("tabindex", 0);
  }

  // Bring a row into sight within its list, and leave the page where it is.
  function scrollTo(line) {
    if (!line) return;
    const [list, own] = [rows.getBoundingClientRect(), line.getBoundingClientRect()];
    if (own.top < list.top) rows.scrollTop -= list.top - own.top;
    if (own.bottom > list.bottom) rows.scrollTop += own.bottom - list.bottom;
  }

  // --- boxes and rows ---------------------------------------------------------------------------------

  function faceBox(face) {
    const classes = [face.doubtful && "doubtful", face.removed && "removed"].filter(Boolean).join(" ");
    const box = boxElement(face, `${face.index + 1} · ${face.confidence.toFixed(2)}`, classes, size);
    box.setAttribute("aria-label", nameOf(face));
    box.setAttribute("aria-pressed", String(face.removed));
    return prepared(box, face.key);
  }

  function addedBox(box, index) {
    return prepared(boxElement(box, t("added_face", { n: index + 1 }), "own", size), `added-${index}`);
  }

  function prepared(box, key) {
    box.dataset.key = key;
    box.setAttribute("tabindex", -1);
    return box;
  }

  function nameOf(face) {
    return t("face", { n: face.index + 1 });
  }

  function faceRow(face) {
    const pills = [];
    if (face.uncovered) pills.push(pill(words.uncovered, "failed"));
    else if (face.near) pills.push(pill(words.near, "doubtful"));
    else if (face.doubtful) pills.push(pill(words.doubtful, "doubtful"));
    const name = createElement("span", nameOf(face), face.removed ? "gone" : "");
    const confidence = createElement("span", face.confidence.toFixed(2), "muted number");
    const button = actionButton(face.removed ? words.restore : words.reject, nameOf(face), () => edits.toggle(face));
    return row(face.key, [name, confidence, ...pills, button]);
  }

  function addedRow(_, index) {
    const name = t("added_face", { n: index + 1 });
    return row(`added-${index}`, [createElement("span", name), actionButton(words.deleteBox, name, () => edits.remove(index))]);
  }

  function row(key, parts) {
    const line = document.createElement("li");
    line.dataset.key = key;
    line.append(...parts);
    return line;
  }

  // --- pointer and keyboard input -------------------------------------------------------------------------

  function entryOf(key) {
    return entries().find(([other]) => other === key)?.[1];
  }

  function show(key) {
    zoom.show(entryOf(key), size);
    setCurrent(key);
    boxOf(key).focus({ preventScroll: true });
  }

  // Go to the next face of the list, or the one before, of all or of those that a person should look at.
  function go(step, all) {
    const keys = entries().filter(([, box]) => all || needsLook(box)).map(([key]) => key);
    if (!keys.length) return false;
    const inside = overlay.contains(document.activeElement) || rows.contains(document.activeElement);
    const at = inside ? keys.indexOf(document.activeElement.closest("[data-key]")?.dataset.key) : -1;
    show(keys[at < 0 ? (step > 0 ? 0 : keys.length - 1) : (at + step + keys.length) % keys.length]);
    return true;
  }

  function add(box) {
    edits.add(box);
    render(`added-${edits.added.length - 1}`);
  }

  function click(box) {
    if (!box) return;
    setCurrent(box.dataset.key);
    box.focus({ preventScroll: true });
    const face = entryOf(box.dataset.key);
    if (edits.faces.includes(face)) edits.toggle(face);
  }

  function pressed(event) {
    const key = event.target.closest(".mark")?.dataset.key;
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = entryOf(key);
    const isFace = edits.faces.includes(box);
    const isDeleted = event.key === "Delete" || event.key === "Backspace";
    if (isFace && (event.key === "Enter" || event.key === " " || isDeleted)) edits.toggle(box);
    else if (isFace && event.key.startsWith("Arrow")) go(event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1, true);
    else if (!isFace && isDeleted) edits.remove(Number(key.split("-")[1]));
    else {
      const moved = !isFace && afterKey(box, event, size);
      if (!moved) return;
      edits.move(Number(key.split("-")[1]), moved);
    }
    event.preventDefault();
  }

  onDraw(overlay, () => size, add, click);
  overlay.addEventListener("keydown", pressed);
  for (const [from, to] of [[overlay, rowOf], [rows, boxOf]]) {
    for (const [name, isLit] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
      from.addEventListener(name, (event) => {
        const key = event.target.closest("[data-key]")?.dataset.key;
        if (!key) return;
        to(key)?.classList.toggle("lit", isLit);
        if (from === overlay && name === "focusin") {
          setCurrent(key);
          scrollTo(rowOf(key));
        }
      });
    }
  }
  rows.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]")?.dataset.key;
    if (key && !event.target.closest("button")) show(key);
  });
  return { render, go, add: () => add(centredBox(size)) };
}

function createElement(name, text, className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
}

function pill(text, state) {
  const element = createElement("span", text, "pill");
  element.dataset.state = state;
  return element;
}

function actionButton(text, label, action) {
  const element = createElement("button", text, "button small");
  element.type = "button";
  element.setAttribute("aria-label", `${text}: ${label}`);
  element.addEventListener("click", action);
  return element;
}
