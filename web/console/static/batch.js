// A batch's live progress: server-sent events, or polling where those are not available.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";
import { duration, localiseTimes } from "./times.js";

const POLL_INTERVAL_MS = 3000;
const ROWS_INTERVAL_MS = 2000;
const card = document.querySelector("[data-batch]");
const path = card.dataset.path;
const number = new Intl.NumberFormat("en");
const find = (name) => card.querySelector(`[data-${name}]`);

function rate(perSecond) {
  if (perSecond == null) return "–";
  return perSecond >= 1 ? `${perSecond.toFixed(1)} / s` : `${Math.round(perSecond * 60)} / min`;
}

function show(batch) {
  const { completed, failed, refused, cancelled, deleted, total } = batch.counts;
  refreshRows(batch.counts);
  find("done").textContent = number.format(completed);
  find("total").textContent = number.format(total);
  find("rate").textContent = rate(batch.rate_per_s);
  find("remaining").textContent = duration(batch.remaining_s);
  find("faces").textContent = number.format(batch.faces);
  for (const count of document.querySelectorAll("[data-count]")) count.textContent = number.format(batch.counts[count.dataset.count]);
  const segments = [...find("bar").querySelectorAll("rect:not(.track)")];
  let x = 0;
  [completed, failed + refused, cancelled + deleted].forEach((count, index) => {
    const width = (count / Math.max(total, 1)) * 100;
    segments[index].setAttribute("x", x);
    segments[index].setAttribute("width", width);
    x += width;
  });
}

let shownCounts = JSON.parse(card.dataset.counts); // when the page was made: much may happen before the first event
let timer = 0;

// Rows follow the counters: the page is read again, at most every two seconds, and what has changed in it is replaced.
function refreshRows(counts) {
  const isNews = Object.entries(shownCounts).some(([state, count]) => counts[state] !== count);
  shownCounts = counts;
  if (isNews) timer ||= setTimeout(replaceRows, ROWS_INTERVAL_MS);
}

async function replaceRows() {
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const [before, after] = [document, page].map((one) => one.querySelector("[data-items]"));
    if (!after) return;
    localiseTimes(after);
    const rows = (one) => [...one.querySelectorAll("[data-row]")];
    const ids = (one) => rows(one).map((row) => row.dataset.row).join();
    if (ids(before) !== ids(after)) {
      if (before.contains(document.activeElement)) return;
      before.replaceWith(document.adoptNode(after));
      return;
    }
    const latest = rows(after);
    rows(before).forEach((row, index) => {
      if (row.outerHTML === latest[index].outerHTML || row.contains(document.activeElement)) return;
      row.replaceWith(document.adoptNode(latest[index]));
    });
  } catch {
    // The next change tries again.
  } finally {
    timer = 0;
  }
}

function subscribe() {
  const events = new EventSource(`${path}/events`);
  events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  events.addEventListener("done", () => {
    events.close();
    location.reload();
  });
  events.addEventListener("error", () => {
    // The browser reconnects by itself, unless the service refused the stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(poll, POLL_INTERVAL_MS);
  });
}

async function poll() {
  try {
    const batch = await callApi("GET", path);
    show(batch);
    if (batch.finished_at) return location.reload();
  } catch (error) {
    if (error.loggedOut) return;
    // The next poll tries again.
  }
  setTimeout(poll, POLL_INTERVAL_MS);
}

if (card.dataset.finished === "false") subscribe();

// Rows are replaced: the page listens for all of them.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-retry]");
  if (!button) return;
  button.disabled = true;
  try {
    await callApi("POST", button.dataset.retry);
    toastOnNextPage(t("item_requeued"));
    location.reload();
  } catch (error) {
    button.disabled = false;
    toast(error.message, "failed");
  }
});

const DONE_TEXTS = { "retry-failed": "batch_requeued", close: "batch_closed", cancel: "", delete: "batch_deleted" };
for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", async () => {
    const { action } = button.dataset;
    const labels = { yes: t("cancel_batch"), no: t("keep_running") };
    if (action === "cancel" && !(await confirmAction(t("cancel_batch_title"), t("cancel_batch_text"), labels))) return;
    if (action === "delete" && !(await confirmAction(t("delete_batch_title"), t("delete_batch_text")))) return;
    button.disabled = true;
    try {
      await (action === "delete" ? callApi("DELETE", path) : callApi("POST", `${path}/${action}`));
      if (DONE_TEXTS[action]) toastOnNextPage(t(DONE_TEXTS[action]));
      if (button.dataset.then) location.assign(button.dataset.then);
      else location.reload();
    } catch (error) {
      button.disabled = false;
      toast(error.message, "failed");
    }
  });
}
