// Zooms an image in a frame that scrolls. It is moved by scrolling, or dragged: with the middle button, or by hand mode.

const MOST = 16; // chosen: a face of 16 pixels is then as large as a thumb
const STEP = 1.5;
const WHEEL_STEP = 1.15;
const BOX_SHARE = 0.25; // chosen: of the frame's shorter side, so that what is around a face is seen too
const clip = (value, minimum, maximum) => Math.min(Math.max(value, minimum), maximum);

export class Zoom {
  #frame;
  #content;
  #changed;
  #fitWidth = 0;

  // content: what is zoomed, the only child of the frame; changed: called with each new level, 1 for the whole image.
  constructor(frame, content, changed) {
    this.#frame = frame;
    this.#content = content;
    this.#changed = changed;
    this.level = 1;
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.#drag(event), { capture: true });
  }

  enlarge() {
    this.to(this.level * STEP);
  }

  reduce() {
    this.to(this.level / STEP);
  }

  fit() {
    this.to(1);
  }

  // Zoom; the point of the image at these client coordinates stays where it is, by default the middle of the frame.
  to(level, point = this.#middle()) {
    const next = clip(level, 1, MOST);
    if (next === this.level) return;
    if (this.level === 1) this.#fitWidth = this.#content.getBoundingClientRect().width;
    const before = this.#content.getBoundingClientRect();
    const share = [(point[0] - before.left) / before.width, (point[1] - before.top) / before.height];
    this.level = next;
    this.#content.classList.toggle("zoomed", next > 1);
    if (next > 1) this.#content.style.setProperty("width", `${this.#fitWidth * next}px`);
    else this.#content.style.removeProperty("width");
    this.#content.style.setProperty("--zoom", next);
    this.#scrollTo(share, point);
    this.#changed(next);
  }

  // Show a box of an image of this [width, height] in the middle of the frame, large enough to judge it.
  show({ x1, y1, x2, y2 }, [width, height]) {
    const fit = this.#content.getBoundingClientRect().width / this.level / width;
    const room = Math.min(this.#frame.clientWidth, this.#frame.clientHeight);
    this.to((BOX_SHARE * room) / (Math.max(x2 - x1, y2 - y1, 1) * fit));
    this.#scrollTo([(x1 + x2) / 2 / width, (y1 + y2) / 2 / height], this.#middle());
  }

  #middle() {
    const bounds = this.#frame.getBoundingClientRect();
    return [bounds.left + bounds.width / 2, bounds.top + bounds.height / 2];
  }

  #scrollTo(share, point) {
    const after = this.#content.getBoundingClientRect();
    this.#frame.scrollLeft += after.left + share[0] * after.width - point[0];
    this.#frame.scrollTop += after.top + share[1] * after.height - point[1];
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.to(this.level * WHEEL_STEP ** -Math.sign(event.deltaY), [event.clientX, event.clientY]);
  }

  #drag(event) {
    const byHand = this.#frame.classList.contains("by-hand") && event.pointerType === "mouse" && !event.button;
    if (event.button !== 1 && !byHand) return;
    event.preventDefault();
    event.stopPropagation();
    const move = (moved) => this.#frame.scrollBy(-moved.movementX, -moved.movementY);
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
  }
}
