// Toasts and confirmation dialogs.

import { t } from "./texts.js";

export function toast(text, state = "ok") {
  const element = document.createElement("p");
  element.className = "toast";
  element.dataset.state = state;
  element.textContent = text;
  document.querySelector(".toasts").append(element);
  setTimeout(() => element.remove(), state === "failed" ? 9000 : 3500);
}

// Show a toast after the next page has loaded.
export function toastOnNextPage(text) {
  sessionStorage.setItem("toast", text);
}

export function showPendingToast() {
  const text = sessionStorage.getItem("toast");
  sessionStorage.removeItem("toast");
  if (text) toast(text);
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
