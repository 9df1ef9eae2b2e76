// Uploads files to a batch, some in each call.

import { callApi } from "./api.js";

const MAX_FILES_PER_CALL = 50;
const BODY_SHARE = 0.8; // the part headers with their file names need room as well

// Send the files, by name, and tell how many are done; return those that were refused. Leaving the page meanwhile is
// asked about by the browser. limit: the bytes of one call.
export async function sendFiles(batchPath, files, limit, progress) {
  addEventListener("beforeunload", warn);
  try {
    const refused = [];
    let done = 0;
    progress(done);
    for (const chunk of chunks(files, limit * BODY_SHARE)) {
      const body = new FormData();
      for (const [name, file] of chunk) body.append("images", file, name);
      const receipt = await callApi("POST", `${batchPath}/images`, { form: body });
      refused.push(...receipt.refused);
      progress((done += chunk.length));
    }
    return refused;
  } finally {
    removeEventListener("beforeunload", warn);
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
