// Choosing pictures and deleting them.

import { call } from "./calls.js";
import { agreed, later, toast } from "./dialogs.js";
import { say } from "./words.js";

const AT_ONCE = 4;
const bar = document.querySelector("[data-selection]");

if (bar) {
  const boxes = [...document.querySelectorAll("[data-select]")];
  const all = bar.querySelector("[data-select-all]");
  const told = bar.querySelector("[data-selected]");
  const button = bar.querySelector("[data-delete-selected]");
  const chosen = () => boxes.filter((box) => box.checked);

  const update = () => {
    const count = chosen().length;
    told.textContent = count ? say("selected", { n: count }) : "";
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
  button.addEventListener("click", async () => {
    const ids = chosen().map((box) => box.value);
    if (!(await agreed(say("delete_images_title", { n: ids.length }), say("delete_images_text")))) return;
    button.disabled = true;
    const done = await deleted(ids, (count) => (told.textContent = say("deleting", { done: count, n: ids.length })));
    if (done === ids.length) {
      later(say("deleted", { n: done }));
      location.reload();
    } else {
      button.disabled = false;
    }
  });
  update();
}

// Delete some at a time; return how many are gone. One that was gone already counts.
async function deleted(ids, progress) {
  const left = [...ids];
  let done = 0;
  const work = async () => {
    for (let id = left.pop(); id; id = left.pop()) {
      try {
        await call("DELETE", `/api/v1/admin/images/${id}`);
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
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return done;
}
