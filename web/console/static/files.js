// Files that are dropped or chosen, including those in folders.

import { callApi } from "./api.js";

export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, name: file.name }));
  const files = [];
  for (const entry of entries) await collect(entry, files);
  return files;
}

// The files of a field, with their path below the folder if one was chosen; hidden ones of a folder are no images.
export function chosenFiles(field) {
  const files = [...field.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
  return field.webkitdirectory ? files.filter(({ file }) => !file.name.startsWith(".")) : files;
}

async function collect(entry, files) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    // Hidden files, such as .DS_Store, are no images.
    if (!file.name.startsWith(".")) files.push({ file, name: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const child of entries) await collect(child, files);
  }
}

// Accept drops anywhere in the window; `target` is highlighted meanwhile.
export function onDrop(target, handle) {
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => {
      event.preventDefault();
      target.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || target.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    handle(event.dataTransfer);
  });
}

// Add files to a map by name; another file of the same name gets one of its own, the same file stays once.
export function addFiles(map, files) {
  for (const { file, name } of files) {
    let own = name;
    const isOther = (one) => one && (one.size !== file.size || one.lastModified !== file.lastModified);
    for (let number = 2; isOther(map.get(own)); number += 1) own = name.replace(/(\.[^./]*)?$/, (suffix) => ` (${number})${suffix}`);
    map.set(own, file);
  }
}

// An image that the browser can't show, as the service shows it: a smaller JPEG, and the size of the image itself.
export async function fetchPreview(file) {
  const form = new FormData();
  form.append("image", file);
  const response = await callApi("POST", "/console/preview", { form, raw: true });
  return { blob: await response.blob(), size: response.headers.get("X-Image-Size").split(" ").map(Number) };
}

export function formatSize(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  for (; bytes >= 999.5 && unit < units.length - 1; unit += 1) bytes /= 1000;
  return `${bytes.toFixed(unit && bytes < 99.5 ? 1 : 0)} ${units[unit]}`;
}
