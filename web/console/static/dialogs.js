// Words that pass by, and questions that are answered first.

import { say } from "./words.js";

export function toast(text, state = "ok") {
  const shown = document.createElement("p");
  shown.className = "toast";
  shown.dataset.state = state;
  shown.textContent = text;
  document.querySelector(".toasts").append(shown);
  setTimeout(() => shown.remove(), state === "failed" ? 9000 : 3500);
}

// After the next page has come, say it there.
export function later(text) {
  sessionStorage.setItem("toast", text);
}

export function sayWhatIsLeft() {
  const text = sessionStorage.getItem("toast");
  sessionStorage.removeItem("toast");
  if (text) toast(text);
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Whether somebody agrees; Escape and the first button mean no.
export function agreed(title, text, answers = { yes: say("confirm"), no: say("cancel") }) {
  const no = element("button", { class: "button", type: "button", autofocus: "" }, answers.no);
  const yes = element("button", { class: "button danger", type: "button" }, answers.yes);
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-labelledby": "question" },
    element("h2", { id: "question" }, title),
    element("p", {}, text),
    element("div", { class: "actions" }, no, yes),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    let answer = false;
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.showModal();
  });
}
