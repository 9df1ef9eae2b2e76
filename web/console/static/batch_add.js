// Adds images to a batch that is open.

import { toast } from "./dialogs.js";
import { addFiles, chosenFiles, droppedFiles, onDrop } from "./files.js";
import { explain, t } from "./texts.js";
import { sendFiles } from "./uploads.js";

const card = document.querySelector("[data-batch]");
const target = card.querySelector("[data-drop]");
const field = target.querySelector("[data-file]");
const status = target.querySelector("[data-added]");

async function add(files) {
  if (!files.length || field.disabled) return;
  field.disabled = true;
  const named = new Map();
  addFiles(named, files);
  try {
    const refused = await sendFiles(card.dataset.path, named, Number(target.dataset.limit), (done) => {
      status.textContent = t("uploading", { done, n: named.size });
    });
    status.textContent = t("files_added", { n: named.size - refused.length });
    if (refused.length) toast(t("files_rejected", { n: refused.length, name: refused[0].name, detail: explain(refused[0]) }), "failed");
  } catch (error) {
    status.textContent = "";
    toast(error.message, "failed");
  } finally {
    field.disabled = false;
  }
}

field.addEventListener("change", () => {
  const files = chosenFiles(field);
  field.value = "";
  add(files);
});
onDrop(target, async (transfer) => add(await droppedFiles(transfer)));
