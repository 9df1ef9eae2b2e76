// One image: the before/after slider, the face overlay, and deleting it.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";

const compare = document.querySelector("[data-compare]");
const slider = document.querySelector("[data-slider]");
const overlay = compare?.querySelector(".marks");

function showShare() {
  compare.style.setProperty("--shown", `${100 - slider.value}%`);
}

if (slider) {
  slider.addEventListener("input", showShare);
  // Dragging over the image moves the slider as well.
  compare.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const bounds = compare.getBoundingClientRect();
    slider.value = 100 - ((event.clientX - bounds.left) / bounds.width) * 100;
    showShare();
  });
  compare.addEventListener("dragstart", (event) => event.preventDefault());
  showShare();
}

document.querySelector("[data-show-marks]")?.addEventListener("change", (event) => {
  overlay.toggleAttribute("hidden", !event.target.checked);
});

for (const row of document.querySelectorAll(".faces [data-face]")) {
  const box = overlay?.querySelector(`[data-face="${row.dataset.face}"]`);
  row.addEventListener("pointerenter", () => box?.classList.add("lit"));
  row.addEventListener("pointerleave", () => box?.classList.remove("lit"));
}

const deleteButton = document.querySelector("[data-delete-image]");
deleteButton?.addEventListener("click", async () => {
  const { deleteImage, then, name } = deleteButton.dataset;
  if (!(await confirmAction(t("delete_image_title"), t("delete_image_text", { name })))) return;
  try {
    await callApi("DELETE", `/api/v1/admin/images/${deleteImage}`);
    toastOnNextPage(t("deleted", { n: 1 }));
    location.assign(then);
  } catch (error) {
    toast(error.message, "failed");
  }
});
