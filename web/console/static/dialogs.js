// Toasts and confirmation dialogs.

import { t } from "./texts.js";

const SHOWN_MS = { ok: 3500, failed: 9000 };

export function toast(text, state = "ok", shownMs = SHOWN_MS[state]) {
  const element = document.createElement("p");
  element.className = "toast";
  element.dataset.state = state;
  element.textContent = text;
  document.querySelector(".toasts").append(element);
  setTimeout(() => element.remove(), shownMs);
}

// Show a toast after the next page has loaded, for its whole time even if that page is loaded again meanwhile.
export function toastOnNextPage(text, state = "ok") {
  sessionStorage.setItem("toast", JSON.stringify({ text, state }));
}

export function showPendingToast() {
  const { text, state, ends = Date.now() + SHOWN_MS[state] } = JSON.parse(sessionStorage.getItem("toast") ?? "{}");
  sessionStorage.removeItem("toast");
  const leftMs = ends - Date.now();
  if (!(leftMs > 0)) return;
  toast(text, state, leftMs);
  sessionStorage.setItem("toast", JSON.stringify({ text, state, ends }));
}

export function createElement(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Ask for confirmation; resolves to true or false. Escape and the first button mean no.
export function confirmAction(title, text, labels = { yes: t("delete"), no: t("cancel") }) {
  const no = createElement("button", { class: "button", type: "button", autofocus: "" }, labels.no);
  const yes = createElement("button", { class: "button danger", type: "button" }, labels.yes);
  const dialog = createElement(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    createElement("h2", { id: "dialog-title" }, title),
    createElement("p", {}, text),
    createElement("div", { class: "actions" }, no, yes),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    let confirmed = false;
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => {
      confirmed = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(confirmed);
    });
    dialog.showModal();
  });
}

// Ask for a line of text; resolves to it, or to null.
export function askText(title, label) {
  const field = createElement("input", { maxlength: "60", required: "", autofocus: "" });
  const no = createElement("button", { class: "button", type: "button" }, t("cancel"));
  const yes = createElement("button", { class: "button primary", type: "submit" }, t("save"));
  const form = createElement(
    "form",
    { class: "stack" },
    createElement("h2", { id: "ask-title" }, title),
    createElement("label", {}, label, field),
    createElement("div", { class: "actions" }, no, yes),
  );
  const dialog = createElement("dialog", { class: "dialog", "aria-labelledby": "ask-title" }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let text = null;
    no.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      text = field.value;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(text);
    });
    dialog.showModal();
  });
}
