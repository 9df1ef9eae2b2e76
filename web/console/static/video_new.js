// Uploads a video with its options, and goes to its page.

import { formatSize, droppedFiles, onDrop } from "./files.js";
import { logInAgain } from "./session.js";
import { explain, t } from "./texts.js";

const form = document.querySelector("[data-video-form]");
const find = (name) => form.querySelector(`[data-${name}]`);
const limit = Number(form.dataset.limit);
let chosen = null;

function choose(file) {
  chosen = file ?? null;
  const tooLarge = chosen && chosen.size > limit;
  find("summary").textContent = chosen ? `${chosen.name} · ${formatSize(chosen.size)}` : "";
  tell(tooLarge ? t("file_too_large", { name: chosen.name, size: formatSize(limit) }) : "");
  find("submit").disabled = !chosen || tooLarge;
}

function tell(text) {
  find("problem").querySelector("span").textContent = text;
  find("problem").hidden = !text;
}

find("file").addEventListener("change", (event) => choose(event.target.files[0]));
onDrop(find("drop"), async (transfer) => choose((await droppedFiles(transfer))[0]?.file));

// The options that differ from the defaults, as a query.
function query() {
  const changed = [...form.querySelectorAll("[name]")].filter((field) => field.value !== "" && field.value !== field.dataset.default);
  return new URLSearchParams(changed.map((field) => [field.name, field.value]));
}

// As callApi, but for the progress, which fetch does not tell.
function upload() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("video", chosen, chosen.name);
    request.open("POST", `${form.dataset.path}?${query()}`);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", ({ loaded, total }) => show(loaded, total));
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(new Error(t("no_response"))));
    request.send(body);
  });
}

function show(sent, total) {
  find("summary").textContent = t("sending", { done: formatSize(sent), size: formatSize(total) });
  find("progress").querySelector(".series-mask").setAttribute("width", (sent / total) * 100);
}

async function submit() {
  let request = await upload();
  while (request.status === 401) {
    if (!(await logInAgain())) throw new Error(t("session_ended"));
    request = await upload();
  }
  const answer = JSON.parse(request.responseText || "{}");
  if (request.status !== 202) throw new Error(t("request_failed", { detail: explain(answer), id: answer.request_id ?? "" }));
  location.assign(`${form.dataset.videosUrl}/${answer.id}`);
}

function warn(event) {
  event.preventDefault();
  event.returnValue = true; // what browsers of before 2024 go by
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  tell("");
  find("submit").disabled = true;
  find("progress").toggleAttribute("hidden", false);
  addEventListener("beforeunload", warn);
  try {
    await submit();
  } catch (error) {
    choose(chosen);
    tell(error.message);
    find("progress").toggleAttribute("hidden", true);
  } finally {
    removeEventListener("beforeunload", warn);
  }
});
