// Refreshes the dashboard's status cards every few seconds while the page is visible.

import { localiseTimes } from "./times.js";

const REFRESH_INTERVAL_MS = 5000;
const live = document.querySelector("[data-live]");
const lost = document.querySelector("[data-lost]");

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch(live.dataset.live, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (response.status === 401) return location.reload(); // the session has expired: the page redirects to the login
    if (!response.ok) throw new Error(response.statusText);
    for (const card of (await response.json()).cards) update(card);
    live.hidden = false;
    lost.hidden = true;
  } catch {
    live.hidden = true;
    lost.hidden = false;
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
