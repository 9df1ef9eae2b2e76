// One picture: the slider, the faces over it, deleting it.

import { call } from "./calls.js";
import { agreed, later, toast } from "./dialogs.js";
import { say } from "./words.js";

const compare = document.querySelector("[data-compare]");
const slider = document.querySelector("[data-slider]");
const marks = compare?.querySelector(".marks");

function place() {
  compare.style.setProperty("--shown", `${100 - slider.value}%`);
}

if (slider) {
  slider.addEventListener("input", place);
  // The picture itself is dragged as well.
  compare.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const box = compare.getBoundingClientRect();
    slider.value = 100 - ((event.clientX - box.left) / box.width) * 100;
    place();
  });
  compare.addEventListener("dragstart", (event) => event.preventDefault());
  place();
}

document.querySelector("[data-show-marks]")?.addEventListener("change", (event) => {
  marks.toggleAttribute("hidden", !event.target.checked);
});

for (const row of document.querySelectorAll(".faces [data-face]")) {
  const mark = marks?.querySelector(`[data-face="${row.dataset.face}"]`);
  row.addEventListener("pointerenter", () => mark?.classList.add("lit"));
  row.addEventListener("pointerleave", () => mark?.classList.remove("lit"));
}

const remove = document.querySelector("[data-delete-image]");
remove?.addEventListener("click", async () => {
  const { deleteImage, then, name } = remove.dataset;
  if (!(await agreed(say("delete_image_title"), say("delete_image_text", { name })))) return;
  try {
    await call("DELETE", `/api/v1/admin/images/${deleteImage}`);
    later(say("deleted", { n: 1 }));
    location.assign(then);
  } catch (error) {
    toast(error.message, "failed");
  }
});
