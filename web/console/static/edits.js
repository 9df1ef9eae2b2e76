// What a person changes of an image's faces: step by step, so that it can be undone, and kept in this browser until it
// is sent or discarded.

const PREFIX = "face-api-edits:";
const MAX_DRAFTS = 100; // chosen: more than anybody leaves unfinished
const ONE_STEP_MS = 800; // keys that move a box in between are one step
const COVERED_SHARE = 0.5; // as in core/records/uncoverings.py

export class Edits {
  #changed;
  #initial;
  #past = [];
  #future = [];
  #moved = { index: -1, at: 0 };

  // editor: what the page knows of the job and its faces; changed: called after every change.
  constructor(editor, changed) {
    this.editor = editor;
    this.size = [editor.width, editor.height];
    // What has no mask yet begins as left out: a near miss, or a face that somebody has uncovered.
    this.faces = editor.faces.map((face, place) => {
      const loose = Boolean(face.near || face.uncovered);
      return { ...face, key: `face-${place}`, loose, removed: loose };
    });
    this.added = [];
    this.#initial = this.#snapshot();
    this.#changed = changed;
    const draft = read(editor.job);
    this.isRestored = Boolean(draft && draft !== this.#initial && this.#apply(draft));
  }

  // Those that a person should look at come first, and of them those that have no mask.
  get order() {
    const rank = (face) => (face.loose ? 0 : face.doubtful ? 1 : 2);
    return this.faces.toSorted((one, other) => rank(one) - rank(other));
  }

  get isChanged() {
    return this.#snapshot() !== this.#initial;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  toggle(face) {
    this.#step(() => (face.removed = !face.removed));
  }

  add(box) {
    this.#step(() => this.added.push(box));
  }

  move(index, box) {
    const isSame = this.#moved.index === index && Date.now() - this.#moved.at < ONE_STEP_MS;
    this.#step(() => (this.added[index] = box), isSame);
    this.#moved = { index, at: Date.now() };
  }

  remove(index) {
    this.#step(() => this.added.splice(index, 1));
  }

  undo() {
    this.#travel(this.#past, this.#future);
  }

  redo() {
    this.#travel(this.#future, this.#past);
  }

  discard() {
    this.#step(() => this.#apply(this.#initial));
  }

  // The sure faces that lose their mask, and that no other mask covers.
  uncovering() {
    const masked = [...this.faces.filter((face) => !face.removed), ...this.added];
    return this.faces.filter((face) => face.sure && face.removed && !masked.some((box) => covers(box, face)));
  }

  body() {
    const remove = this.faces.filter((face) => !face.loose && face.removed).map((face) => face.index);
    const restored = this.faces.filter((face) => face.loose && !face.removed).map(({ x1, y1, x2, y2 }) => ({ x1, y1, x2, y2 }));
    return { job_id: this.editor.job, newest_job_id: this.editor.newest, remove, add: [...restored, ...this.added] };
  }

  forget() {
    write(this.editor.job, null);
  }

  // Keep what was changed for another job with the same faces: what an undo has made of this one.
  moveTo(job) {
    this.forget();
    write(job, this.#snapshot());
  }

  #step(change, isSame = false) {
    if (!isSame) this.#past.push(this.#snapshot());
    this.#future = [];
    this.#moved.index = -1;
    change();
    this.#keep();
  }

  #travel(from, to) {
    if (!from.length) return;
    to.push(this.#snapshot());
    this.#apply(from.pop());
    this.#moved.index = -1;
    this.#keep();
  }

  #keep() {
    write(this.editor.job, this.isChanged ? this.#snapshot() : null);
    this.#changed();
  }

  #snapshot() {
    return JSON.stringify({ removed: this.faces.map((face) => face.removed), added: this.added });
  }

  // Return whether the text fits these faces.
  #apply(text) {
    const { removed, added } = JSON.parse(text);
    if (removed.length !== this.faces.length) return false;
    this.faces.forEach((face, index) => (face.removed = removed[index]));
    this.added = added;
    return true;
  }
}

export function needsLook(face) {
  return face.doubtful || face.loose;
}

function covers(box, face) {
  const across = Math.min(box.x2, face.x2) - Math.max(box.x1, face.x1);
  const down = Math.min(box.y2, face.y2) - Math.max(box.y1, face.y1);
  const area = (face.x2 - face.x1) * (face.y2 - face.y1);
  return Math.max(0, across) * Math.max(0, down) >= COVERED_SHARE * area;
}

// --- drafts: a browser may refuse to keep them ------------------------------------------------------------

function read(job) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + job))?.text ?? null;
  } catch {
    return null;
  }
}

function write(job, text) {
  try {
    if (text === null) return localStorage.removeItem(PREFIX + job);
    localStorage.setItem(PREFIX + job, JSON.stringify({ text, at: Date.now() }));
    const drafts = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    if (drafts.length <= MAX_DRAFTS) return;
    const age = (key) => JSON.parse(localStorage.getItem(key)).at;
    localStorage.removeItem(drafts.sort((one, other) => age(one) - age(other))[0]);
  } catch {
    // The edits last as long as the page.
  }
}
