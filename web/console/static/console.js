// Common to all pages.

import { showPendingToast, toast } from "./dialogs.js";
import { localiseTimes } from "./times.js";
import { t } from "./texts.js";

const root = document.documentElement;
root.classList.add("scripted");
localiseTimes();
showPendingToast();

const menuButton = document.querySelector(".menu-button");
menuButton?.addEventListener("click", () => {
  const open = document.getElementById("menu").classList.toggle("open");
  menuButton.setAttribute("aria-expanded", String(open));
});

document.querySelector("[data-themes]")?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  event.preventDefault();
  root.dataset.theme = button.value;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `face_api_theme=${button.value}; Path=/console; Max-Age=31536000; SameSite=Lax${secure}`;
  for (const other of button.parentElement.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    try {
      await copyText(document.querySelector(copy.dataset.copy));
      toast(t("copied"));
    } catch {
      toast(t("copy_failed"), "failed");
    }
  }
  event.target.closest("[data-close]")?.closest("dialog").close();
});

// Browsers offer the clipboard API to secure pages only; on others the text is selected and copied the old way.
async function copyText(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent);
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

// A thumbnail that fails to load is replaced by a text: the engine may be busy, or the object gone.
function replaceBroken(image) {
  const placeholder = document.createElement("span");
  placeholder.className = "none";
  placeholder.textContent = t("image_unavailable");
  image.replaceWith(placeholder);
}
for (const image of document.querySelectorAll(".frame img")) {
  if (image.complete && image.currentSrc && !image.naturalWidth) replaceBroken(image);
  else image.addEventListener("error", () => replaceBroken(image));
}
