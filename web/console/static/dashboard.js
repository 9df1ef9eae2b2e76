// Refreshes the dashboard's status cards every few seconds while the page is visible.

import { callApi } from "./api.js";
import { t } from "./texts.js";
import { localiseTimes } from "./times.js";

const REFRESH_INTERVAL_MS = 5000;
const UNKNOWN = { state: "unknown", state_text: t("state_unknown"), detail: "" };
const live = document.querySelector("[data-live]");
const lost = document.querySelector("[data-lost]");
let asking = false;

async function refresh() {
  if (document.hidden || asking) return;
  asking = true;
  try {
    const { cards } = await callApi("GET", live.dataset.live);
    for (const card of cards) update(card);
    live.hidden = false;
    lost.hidden = true;
  } catch (error) {
    if (error.loggedOut) return location.reload(); // the page leads to the login
    live.hidden = true;
    lost.hidden = false;
    for (const { dataset } of document.querySelectorAll("[data-card]")) update({ name: dataset.card, ...UNKNOWN });
  } finally {
    asking = false;
  }
}

function update(card) {
  const element = document.querySelector(`[data-card="${card.name}"]`);
  element.dataset.state = card.state;
  element.querySelector("[data-state-text]").textContent = card.state_text;
  element.querySelector("[data-detail]").textContent = card.detail;
}

localiseTimes();
refresh();
setInterval(refresh, REFRESH_INTERVAL_MS);
document.addEventListener("visibilitychange", refresh);
