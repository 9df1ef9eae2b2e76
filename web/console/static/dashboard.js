// The cards of the dashboard, asked for anew every few seconds while somebody looks.

import { localise } from "./times.js";

const EVERY_MS = 5000;
const live = document.querySelector("[data-live]");

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(live.dataset.live, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (answer.status === 401) return location.reload(); // the session has ended: the page leads to the login
    if (!answer.ok) throw new Error(answer.statusText);
    for (const card of (await answer.json()).cards) show(card);
    live.hidden = false;
  } catch {
    live.hidden = true;
  }
}

function show(card) {
  const shown = document.querySelector(`[data-card="${card.name}"]`);
  shown.dataset.state = card.state;
  shown.querySelector("[data-word]").textContent = card.word;
  shown.querySelector("[data-detail]").textContent = card.detail;
}

localise();
refresh();
setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
