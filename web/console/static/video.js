// A video's live progress; at its end, both players side by side, with the tracks drawn over the original.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";
import { duration } from "./times.js";

const POLL_INTERVAL_MS = 2000;
const APART_S = 0.15; // chosen: less is not seen, and each jump of a player costs a moment
const card = document.querySelector("[data-video]");
const players = document.querySelector("[data-players]");
const path = card.dataset.path;
const number = new Intl.NumberFormat("en");
const find = (name) => card.querySelector(`[data-${name}]`);

function show(video) {
  find("done").textContent = number.format(video.frames_done);
  find("total").textContent = video.frames_total == null ? "–" : number.format(video.frames_total);
  find("remaining").textContent = duration(video.eta_s);
  find("faces").textContent = video.faces_tracked == null ? "–" : number.format(video.faces_tracked);
  find("bar").querySelector(".series-mask").setAttribute("width", video.progress * 100);
  const pill = document.querySelector("[data-status] .pill");
  if (pill.dataset.state !== video.status) {
    pill.dataset.state = video.status;
    pill.textContent = t(`video_${video.status}`);
  }
}

async function poll() {
  try {
    const video = await callApi("GET", path);
    show(video);
    if (video.finished_at) return location.reload();
  } catch (error) {
    if (error.loggedOut) return;
    // The next poll tries again.
  }
  setTimeout(poll, POLL_INTERVAL_MS);
}

if (card.dataset.finished === "false") poll();

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", async () => {
    const { action } = button.dataset;
    const labels = { yes: t("cancel_video"), no: t("keep_running") };
    if (action === "cancel" && !(await confirmAction(t("cancel_video_title"), t("cancel_video_text"), labels))) return;
    if (action === "delete" && !(await confirmAction(t("delete_video_title"), t("delete_video_text")))) return;
    button.disabled = true;
    try {
      await (action === "delete" ? callApi("DELETE", path) : callApi("POST", `${path}/cancel`));
      if (action === "delete") toastOnNextPage(t("video_deleted"));
      if (button.dataset.then) location.assign(button.dataset.then);
      else location.reload();
    } catch (error) {
      button.disabled = false;
      toast(error.message, "failed");
    }
  });
}

if (players) play();

function play() {
  const [original, masked] = ["original", "masked"].map((name) => players.querySelector(`[data-${name}]`));
  for (const player of [original, masked].filter(Boolean)) {
    player.addEventListener("error", () => players.querySelector("[data-unplayable]").removeAttribute("hidden"));
  }
  drawTracks(original ?? masked);
  if (!original) return; // which not every administrator may see
  const follow = () => {
    if (Math.abs(original.currentTime - masked.currentTime) > APART_S) original.currentTime = masked.currentTime;
    if (masked.paused) original.pause();
    else original.play().catch(() => {});
    original.playbackRate = masked.playbackRate;
  };
  for (const name of ["play", "pause", "seeked", "timeupdate", "ratechange"]) masked.addEventListener(name, follow);
}

async function drawTracks(player) {
  const svg = players.querySelector("[data-boxes]");
  const wanted = players.querySelector("[data-show-boxes]");
  const frames = await readTracks();
  const draw = () => {
    const frame = wanted.checked ? frames.findLast((one) => one.time_s <= player.currentTime + 0.001) : null;
    svg.replaceChildren(...(frame?.faces ?? []).map(box));
  };
  for (const name of ["seeked", "loadeddata", "timeupdate"]) player.addEventListener(name, draw);
  const eachFrame = () => {
    draw();
    player.requestVideoFrameCallback?.(eachFrame);
  };
  player.requestVideoFrameCallback?.(eachFrame);
  wanted.addEventListener("change", draw);
  draw();
}

function box({ bbox, seen }) {
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const values = { x: bbox.x1, y: bbox.y1, width: bbox.x2 - bbox.x1, height: bbox.y2 - bbox.y1 };
  for (const [name, value] of Object.entries(values)) rect.setAttribute(name, value);
  rect.setAttribute("class", seen ? "seen" : "filled");
  return rect;
}

async function readTracks() {
  try {
    const response = await callApi("GET", players.dataset.tracks, { raw: true });
    return (await response.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  } catch {
    return []; // the players are there all the same
  }
}
