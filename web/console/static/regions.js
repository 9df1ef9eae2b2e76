// The regions of the test page: drawn over the image, and written as JSON in the fields; both show the same.

import { afterKey, boxElement, centredBox, onDraw } from "./drawing.js";

const SETTLED_MS = 400; // after the last key
const EDGES = ["x1", "y1", "x2", "y2"];

// overlay: an SVG over the image; fields: the text areas; kind: the select that says of which field a new region is;
// getSize: the image's [width, height]. Returns a function that draws the fields' regions anew.
export function editRegions(overlay, fields, kind, getSize) {
  let settling = null;

  // Null while the text is something else; the service tells what is wrong.
  function read(field) {
    try {
      const regions = JSON.parse(field.value || "[]");
      return regions.every((one) => EDGES.every((edge) => Number.isFinite(one[edge]))) ? regions : null;
    } catch {
      return null;
    }
  }

  function write(field, regions, delay = 0) {
    field.value = regions.length ? JSON.stringify(regions) : "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    clearTimeout(settling);
    settling = setTimeout(() => field.dispatchEvent(new Event("change", { bubbles: true })), delay);
  }

  const scale = (region, factors) => ({ x1: region.x1 * factors[0], y1: region.y1 * factors[1], x2: region.x2 * factors[0], y2: region.y2 * factors[1] });
  const inPixels = (region) => (region.unit === "relative" ? scale(region, getSize()) : region);

  // The region at another place, in the unit that it had.
  function placed(region, box) {
    if (region.unit !== "relative") return { ...region, ...box };
    const relative = scale(box, getSize().map((length) => 1 / length));
    for (const edge in relative) relative[edge] = Number(relative[edge].toFixed(4));
    return { ...region, ...relative };
  }

  function draw() {
    const focused = overlay.contains(document.activeElement) ? document.activeElement.dataset : null;
    overlay.setAttribute("viewBox", `0 0 ${getSize().join(" ")}`);
    overlay.replaceChildren(
      ...fields.flatMap((field) =>
        (read(field) ?? []).map((region, index) => {
          const name = `${field.labels[0].textContent.trim()} ${index + 1}`;
          const box = boxElement(inPixels(region), name, field.name === "keep_regions" ? "own kept" : "own", getSize());
          Object.assign(box.dataset, { field: field.name, index });
          return box;
        }),
      ),
    );
    if (focused) focus(focused.field, focused.index);
  }

  function focus(field, index) {
    overlay.querySelector(`[data-field="${field}"][data-index="${index}"]`)?.focus();
  }

  function add(box) {
    const field = fields.find((one) => one.name === kind.value);
    const regions = read(field);
    if (!regions) return field.focus();
    write(field, [...regions, box]);
    focus(field.name, regions.length);
  }

  onDraw(overlay, getSize, add, (box) => box?.focus());
  document.querySelector("[data-add-region]").addEventListener("click", () => add(centredBox(getSize())));
  overlay.addEventListener("keydown", (event) => {
    const box = event.target.closest(".mark");
    if (!box) return;
    const field = fields.find((one) => one.name === box.dataset.field);
    const regions = read(field);
    const index = Number(box.dataset.index);
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      return write(field, regions.toSpliced(index, 1));
    }
    const moved = afterKey(inPixels(regions[index]), event, getSize());
    if (!moved) return;
    event.preventDefault();
    write(field, regions.with(index, placed(regions[index], moved)), SETTLED_MS);
  });
  for (const field of fields) field.addEventListener("input", draw);
  return draw;
}
