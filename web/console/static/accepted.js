// The image that was accepted last in this tab: it can be taken back, since one key accepts.

import { callApi } from "./api.js";
import { toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";

const KEY = "accepted";
const line = document.querySelector("[data-accepted]");

export function rememberAccepted(job, name) {
  sessionStorage.setItem(KEY, JSON.stringify({ job, name, url: location.href }));
}

export function forgetAccepted() {
  sessionStorage.removeItem(KEY);
}

const accepted = JSON.parse(sessionStorage.getItem(KEY));
if (accepted) {
  line.querySelector("span").textContent = t("accepted_last", { name: accepted.name });
  line.hidden = false;
}

line.querySelector("button").addEventListener("click", async (event) => {
  event.target.disabled = true;
  forgetAccepted();
  try {
    await callApi("POST", `/api/v1/admin/jobs/${accepted.job}/review`, { json: { verdict: "reopened" } });
    toastOnNextPage(t("reopened"));
    location.assign(accepted.url);
  } catch (error) {
    line.hidden = true;
    toast(error.message, "failed");
  }
});

// Where there is no editor, whose keys this one is among.
if (!document.getElementById("editor")) {
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "u" || event.ctrlKey || event.metaKey || event.altKey || line.hidden) return;
    line.querySelector("button").click();
  });
}
