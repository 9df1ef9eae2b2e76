// Face boxes over an image, drawn as the macro face_overlay draws them.

const SVG = "http://www.w3.org/2000/svg";
export const LABEL_SHARE = 0.028;
const POINT_SHARE = 0.0045;

export function createSvg(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

export function drawFaces(target, width, height, detections) {
  const side = Math.max(width, height);
  target.setAttribute("viewBox", `0 0 ${width} ${height}`);
  target.replaceChildren(...detections.map((face) => faceBox(face, side)));
}

function faceBox(face, side) {
  const { x1, y1, x2, y2 } = face.bbox;
  const size = side * LABEL_SHARE;
  const group = createSvg("g", { class: face.review ? "mark doubtful" : "mark", "data-face": face.index });
  group.append(createSvg("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }));
  for (const point of Object.values(face.landmarks ?? {})) {
    group.append(createSvg("circle", { cx: point.x, cy: point.y, r: side * POINT_SHARE }));
  }
  const label = `${face.index + 1} · ${face.confidence.toFixed(2)}`;
  group.append(createSvg("text", { x: x1, y: Math.max(y1 - size * 0.3, size), "font-size": size }, label));
  return group;
}
