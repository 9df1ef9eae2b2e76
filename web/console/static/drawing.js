// Boxes that a person draws over an image, with a pointer or with keys. Sizes are the image's: [width, height].

import { LABEL_SHARE, createSvg } from "./overlays.js";

const MIN_SIDE = 4; // pixels of the image: a shorter drag is a click
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clip = (value, minimum, maximum) => Math.min(Math.max(value, minimum), maximum);

function ordered({ x1, y1, x2, y2 }) {
  return { x1: Math.min(x1, x2), y1: Math.min(y1, y2), x2: Math.max(x1, x2), y2: Math.max(y1, y2) };
}

// An element that can have the focus; `classes` choose its colours.
export function boxElement(box, name, classes, size) {
  const { x1, y1, x2, y2 } = ordered(box);
  const label = Math.max(...size) * LABEL_SHARE;
  const element = createSvg("g", { class: `mark ${classes}`, tabindex: 0, role: "button", "aria-label": name });
  element.append(
    createSvg("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }),
    // Above the box, or inside it where the image ends; in shares of the label, whose size a zoom changes.
    createSvg("text", { x: x1, y: y1, dy: y1 < label * 1.3 ? "1em" : "-0.3em", "font-size": label }, name),
  );
  return element;
}

// A box in the middle, for those who draw with keys.
export function centredBox([width, height]) {
  const half = Math.round(Math.max(width, height) / 12);
  const [x, y] = [Math.round(width / 2), Math.round(height / 2)];
  return { x1: Math.max(0, x - half), y1: Math.max(0, y - half), x2: Math.min(width, x + half), y2: Math.min(height, y + half) };
}

// Call `add` with each box that is drawn on the overlay, and `click` with each box that is clicked, null beside them.
export function onDraw(overlay, getSize, add, click) {
  const imagePoint = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(overlay.getScreenCTM().inverse());
    const [width, height] = getSize();
    return [Math.round(clip(point.x, 0, width)), Math.round(clip(point.y, 0, height))];
  };
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
    drag.preview = boxElement(drag.box, "", "own", getSize());
    overlay.append(drag.preview);
  });
  overlay.addEventListener("pointerup", () => {
    if (!drag) return;
    const { target, preview } = drag;
    const box = ordered(drag.box);
    drag = null;
    preview?.remove();
    if (box.x2 - box.x1 >= MIN_SIDE && box.y2 - box.y1 >= MIN_SIDE) add(box);
    else click(target);
  });
}

// The box after an arrow key, which moves it, or resizes it with Shift; null after any other key.
export function afterKey({ x1, y1, x2, y2 }, event, [width, height]) {
  if (!STEPS[event.key]) return null;
  let [dx, dy] = STEPS[event.key].map((step) => step * Math.max(1, Math.round(Math.max(width, height) / 200)));
  if (!event.shiftKey) {
    dx = clip(dx, -x1, width - x2);
    dy = clip(dy, -y1, height - y2);
    x1 += dx;
    y1 += dy;
  }
  return { x1, y1, x2: clip(x2 + dx, x1 + MIN_SIDE, width), y2: clip(y2 + dy, y1 + MIN_SIDE, height) };
}
