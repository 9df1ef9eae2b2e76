// One batch as it goes on: its server-sent events, or asking again where those can't be had.

import { call } from "./calls.js";
import { agreed, later, toast } from "./dialogs.js";
import { say } from "./words.js";

const ASK_EVERY_MS = 3000;
const card = document.querySelector("[data-batch]");
const path = card.dataset.path;
const number = new Intl.NumberFormat("en");
const find = (name) => card.querySelector(`[data-${name}]`);

function duration(seconds) {
  if (seconds == null) return "–";
  const left = Math.round(seconds);
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min ${left % 60} s`;
  return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
}

function rate(perSecond) {
  if (perSecond == null) return "–";
  return perSecond >= 1 ? `${perSecond.toFixed(1)} / s` : `${Math.round(perSecond * 60)} / min`;
}

function show(batch) {
  const { completed, failed, cancelled, total } = batch.counts;
  find("done").textContent = number.format(completed + failed + cancelled);
  find("total").textContent = number.format(total);
  find("rate").textContent = rate(batch.rate_per_s);
  find("remaining").textContent = duration(batch.remaining_s);
  find("faces").textContent = number.format(batch.faces);
  for (const count of document.querySelectorAll("[data-count]")) count.textContent = number.format(batch.counts[count.dataset.count]);
  const parts = [...find("bar").querySelectorAll("rect:not(.track)")];
  let x = 0;
  [completed, failed, cancelled].forEach((part, at) => {
    const width = (part / Math.max(total, 1)) * 100;
    parts[at].setAttribute("x", x);
    parts[at].setAttribute("width", width);
    x += width;
  });
}

function watch() {
  const events = new EventSource(`${path}/events`);
  events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  events.addEventListener("done", () => {
    events.close();
    location.reload();
  });
  events.addEventListener("error", () => {
    // It opens again by itself, unless the service refused it.
    if (events.readyState === EventSource.CLOSED) setTimeout(ask, ASK_EVERY_MS);
  });
}

async function ask() {
  try {
    const batch = await call("GET", path);
    show(batch);
    if (batch.finished_at) return location.reload();
  } catch {
    // It is asked again.
  }
  setTimeout(ask, ASK_EVERY_MS);
}

if (card.dataset.finished === "false") watch();

const SAID = { "retry-failed": "queued_again", close: "closed", cancel: "" };
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", async () => {
    const { act } = button.dataset;
    const asked = { yes: say("cancel_batch"), no: say("keep") };
    if (act === "cancel" && !(await agreed(say("cancel_batch_title"), say("cancel_batch_text"), asked))) return;
    button.disabled = true;
    try {
      await call("POST", `${path}/${act}`);
      if (SAID[act]) later(say(SAID[act]));
      location.reload();
    } catch (error) {
      button.disabled = false;
      toast(error.message, "failed");
    }
  });
}
