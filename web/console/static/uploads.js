// Uploads files to a batch, some in each call. What can't be sent is noted there, as a refused item.

import { callApi } from "./api.js";

const MAX_FILES_PER_CALL = 50;
const MAX_NOTES_PER_CALL = 1000;
const BODY_SHARE = 0.8; // the part headers with their file names need room as well
const AMBIGUOUS = /%22|%0[ad]|\\/i; // forms write a quote as %22 and leave %22 as it is; a backslash separates folders
const PART_BYTES = 2048; // chosen: a part's headers with the longest name

// Whether a file is larger than a call may be.
export function isTooLarge(file, limit) {
  return file.size > limit - PART_BYTES;
}

// Send the files, by name, and tell how many are done; return those that were refused, by name, code and detail. Leaving
// the page meanwhile is asked about by the browser. limit: the bytes of one call.
export async function sendFiles(batchPath, files, limit, progress) {
  addEventListener("beforeunload", warn);
  try {
    const refused = [];
    const unsent = [];
    let done = 0;
    progress(done);
    for (const chunk of chunks(files, limit * BODY_SHARE)) {
      const sent = [];
      for (const [name, file] of chunk) {
        const code = await problemOf(name, file, limit);
        if (code) unsent.push({ name, size_bytes: file.size, code });
        else sent.push([name, file]);
      }
      if (sent.length) refused.push(...(await send(batchPath, sent, unsent)));
      progress((done += chunk.length));
    }
    for (let start = 0; start < unsent.length; start += MAX_NOTES_PER_CALL) {
      await callApi("POST", `${batchPath}/unsent`, { json: { files: unsent.slice(start, start + MAX_NOTES_PER_CALL) } });
    }
    return [...refused, ...unsent];
  } finally {
    removeEventListener("beforeunload", warn);
  }
}

// Send some files together, or in halves where something on the way takes less; one alone that is too large is not sent.
async function send(batchPath, files, unsent) {
  const body = new FormData();
  for (const [name, file] of files) body.append("images", file, name);
  try {
    return (await callApi("POST", `${batchPath}/images`, { form: body })).refused;
  } catch (error) {
    if (error.status !== 413) throw error;
    if (files.length === 1) {
      const [[name, file]] = files;
      unsent.push({ name, size_bytes: file.size, code: "upload_too_large" });
      return [];
    }
    const half = files.length >> 1;
    return [...(await send(batchPath, files.slice(0, half), unsent)), ...(await send(batchPath, files.slice(half), unsent))];
  }
}

// The code of why a file can't be sent, else nothing.
async function problemOf(name, file, limit) {
  if (isTooLarge(file, limit)) return "upload_too_large";
  if (AMBIGUOUS.test(name)) return "unsendable_name";
  return (await isReadable(file)) ? "" : "unreadable_file";
}

// A file may have been moved or changed since it was chosen.
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function warn(event) {
  event.preventDefault();
  event.returnValue = true; // what browsers of before 2024 go by
}

function* chunks(files, limit) {
  let chunk = [];
  let bytes = 0;
  for (const [name, file] of files) {
    if (chunk.length && (chunk.length === MAX_FILES_PER_CALL || bytes + file.size > limit)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push([name, file]);
    bytes += file.size;
  }
  if (chunk.length) yield chunk;
}
