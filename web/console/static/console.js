// What every page does.

import { sayWhatIsLeft, toast } from "./dialogs.js";
import { localise } from "./times.js";
import { say } from "./words.js";

const root = document.documentElement;
root.classList.add("scripted");
localise();
sayWhatIsLeft();

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
  for (const one of button.parentElement.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one === button));
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    try {
      await copied(document.querySelector(copy.dataset.copy));
      toast(say("copied"));
    } catch {
      toast(say("copy_failed"), "failed");
    }
  }
  event.target.closest("[data-close]")?.closest("dialog").close();
});

// The clipboard is for secure pages alone; on others the text is selected and copied the old way.
async function copied(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent);
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

// A picture that can't be had leaves words, not a broken sign: the engine may be busy, or the object gone.
function giveUp(image) {
  const words = document.createElement("span");
  words.className = "none";
  words.textContent = say("not_there");
  image.replaceWith(words);
}
for (const image of document.querySelectorAll(".frame img")) {
  if (image.complete && image.currentSrc && !image.naturalWidth) giveUp(image);
  else image.addEventListener("error", () => giveUp(image));
}
