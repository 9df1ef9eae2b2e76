// Shortcuts of all pages, and the list of them that `?` opens.

import { letterOf } from "./keyboard.js";

const GO_MS = 1500; // after G
const dialog = document.getElementById("shortcuts");
let goUntil = 0;

function isTyping(target) {
  return target.matches("input:not([type=checkbox], [type=range]), select, textarea") || document.querySelector("dialog[open]");
}

// List the keys that are shown beside what they do on this page, and those of all pages.
function openList() {
  const shown = [...document.querySelectorAll("main kbd")].filter((key) => key.checkVisibility());
  const pairs = shown.map((key) => {
    const [term, meaning, name] = ["dt", "dd", "kbd"].map((tag) => document.createElement(tag));
    name.textContent = key.textContent;
    term.append(name);
    const whole = key.closest("button, a, label, p")?.cloneNode(true);
    for (const one of whole?.querySelectorAll("kbd") ?? []) one.remove();
    meaning.textContent = whole?.textContent.trim() ?? "";
    return [term, meaning];
  });
  dialog.querySelector("[data-page-shortcuts]").replaceChildren(...pairs.flat());
  dialog.showModal();
}

function focusSearch() {
  const field = document.querySelector("[data-search]");
  if (!field) return;
  if (!field.checkVisibility()) document.querySelector(".menu-button").click();
  field.focus();
  field.select();
}

// Before the page's own keys: after G a letter leads to a page.
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const letter = letterOf(event);
  const link = Date.now() < goUntil && document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
  goUntil = 0;
  if (link) link.click();
  else if (event.key === "?") openList();
  else if (event.key === "/") focusSearch();
  else if (letter === "g") goUntil = Date.now() + GO_MS;
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

document.addEventListener("keydown", pressed, true);
document.querySelector("[data-shortcuts]").addEventListener("click", openList);
