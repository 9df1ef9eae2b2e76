// The list of batches: images or a folder dropped on it fill the form of a new batch.

import { droppedFiles, onDrop } from "./files.js";

const target = document.querySelector("[data-drop]");
let isForm = false;

onDrop(target, async (transfer) => {
  if (isForm) return; // the form takes what is dropped from now on
  const files = await droppedFiles(transfer);
  if (!files.length) return;
  isForm = true;
  const { formUrl, script } = target.dataset;
  const response = await fetch(formUrl, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const form = page.querySelector("[data-batch-form]");
  if (!response.ok || !form) return location.assign(formUrl);
  // In place, as files are lost on the way to another page.
  document.querySelector("main").replaceWith(document.adoptNode(form.closest("main")));
  document.title = page.title;
  history.pushState({}, "", formUrl);
  addEventListener("popstate", () => location.reload());
  (await import(script)).select(files);
});
