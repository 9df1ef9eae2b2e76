// Selecting images and deleting them.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { plural, t } from "./texts.js";

const CONCURRENCY = 4;
const bar = document.querySelector("[data-selection]");

if (bar) {
  const boxes = [...document.querySelectorAll("[data-select]")];
  const all = bar.querySelector("[data-select-all]");
  const status = bar.querySelector("[data-selected]");
  const button = bar.querySelector("[data-delete-selected]");
  const found = bar.querySelector("[data-select-found]");
  const selected = () => boxes.filter((box) => box.checked);
  let everything = false; // all that the filters find, those of the other pages as well

  const update = () => {
    const count = selected().length;
    everything = everything && count === boxes.length;
    if (found) found.hidden = everything || count < boxes.length;
    status.textContent = everything ? t("selected_found", { n: bar.dataset.total }) : count ? t("selected", { n: count }) : "";
    button.disabled = !count;
    all.checked = count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  };
  bar.hidden = false;
  for (const box of boxes) {
    box.hidden = false;
    box.addEventListener("change", update);
  }
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    update();
  });
  found?.addEventListener("click", () => {
    everything = true;
    update();
  });
  button.addEventListener("click", async () => {
    const ids = everything ? await foundIds() : selected().map((box) => box.value);
    if (!(await confirmAction(plural("delete_images_title", ids.length), t("delete_images_text")))) return;
    button.disabled = true;
    const done = await deleteImages(ids, (count) => (status.textContent = t("deleting", { done: count, n: ids.length })));
    if (done === ids.length) {
      toastOnNextPage(t("deleted", { n: done }));
      location.reload();
    } else {
      button.disabled = false;
    }
  });
  update();
}

// The ids of all images that the page's filters find.
async function foundIds() {
  const parameters = new URLSearchParams(location.search);
  parameters.set("per_page", 100);
  const ids = new Set();
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    parameters.set("page", page);
    const list = await callApi("GET", `/api/v1/admin/images?${parameters}`);
    for (const image of list.items) ids.add(image.id);
    pages = list.pages;
  }
  return [...ids];
}

// Delete images, a few at a time; return how many are gone, including those that were gone already.
async function deleteImages(ids, progress) {
  const remaining = [...ids];
  let done = 0;
  const work = async () => {
    for (let id = remaining.pop(); id; id = remaining.pop()) {
      try {
        await callApi("DELETE", `/api/v1/admin/images/${id}`);
      } catch (error) {
        if (error.status !== 404) {
          toast(error.message, "failed");
          continue;
        }
      }
      document.querySelector(`[data-image="${id}"]`)?.remove();
      progress((done += 1));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return done;
}
