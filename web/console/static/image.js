// One image: the before/after slider, the face overlay, undoing a mask by hand, and deleting it.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";

const THUMB_PX = 16; // as in console.css
const compare = document.querySelector("[data-compare]");
const slider = document.querySelector("[data-slider]");
const overlay = compare?.querySelector(".marks");

// The divide stands where the slider's thumb does: half a thumb from the edge at most.
function showShare() {
  compare.style.setProperty("--share", slider.value / 100);
}

if (slider) {
  slider.addEventListener("input", showShare);
  // Dragging over the image moves the slider as well.
  compare.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const bounds = compare.getBoundingClientRect();
    slider.value = ((event.clientX - bounds.left - THUMB_PX / 2) / (bounds.width - THUMB_PX)) * 100;
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

const undoButton = document.querySelector("[data-undo-mask]");
undoButton?.addEventListener("click", async () => {
  const labels = { yes: t("undo_mask"), no: t("cancel") };
  if (!(await confirmAction(t("undo_mask_title"), t("undo_mask_text"), labels))) return;
  try {
    await callApi("POST", undoButton.dataset.undoMask);
    toastOnNextPage(t("mask_undone"));
    location.assign(undoButton.dataset.then);
  } catch (error) {
    toast(error.message, "failed");
  }
});
