// Adds images to a batch that is open.

import { toast } from "./dialogs.js";
import { chosenFiles, droppedFiles, onDrop } from "./files.js";
import { t } from "./texts.js";
import { sendFiles } from "./uploads.js";

const card = document.querySelector("[data-batch]");
const target = card.querySelector("[data-drop]");
const field = target.querySelector("[data-file]");
const status = target.querySelector("[data-added]");

async function add(files) {
  if (!files.length || field.disabled) return;
  field.disabled = true;
  const named = new Map(files.map(({ file, name }) => [name, file]));
  try {
    const refused = await sendFiles(card.dataset.path, named, Number(target.dataset.limit), (done) => {
      status.textContent = t("uploading", { done, n: named.size });
    });
    status.textContent = t("files_added", { n: named.size - refused.length });
    if (refused.length) toast(t("files_rejected", { n: refused.length, name: refused[0].name, detail: refused[0].detail }), "failed");
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
