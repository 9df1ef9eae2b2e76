// Logging in again on the page, when the session has ended.

import { createElement } from "./dialogs.js";
import { explain, t } from "./texts.js";

const PATH = "/api/v1/admin/auth/login";
const CODE_REQUIRED = "code_required"; // of an administrator who logs in with codes
let waiting = null;

// The channel on which a tab says that somebody has logged in there, at the identity provider.
export const LOGGED_IN = "face-api logged in";

// Ask for the password, or offer the identity provider in another tab, so that this page keeps what is on it; resolves to
// whether the viewer has logged in. Calls that fail at the same time share a dialog.
export function logInAgain() {
  waiting ??= ask().finally(() => (waiting = null));
  return waiting;
}

function ask() {
  const username = createElement("input", { name: "username", autocomplete: "username", autocapitalize: "none", required: "" });
  username.value = document.querySelector("[data-username]")?.textContent ?? "";
  const password = createElement("input", { name: "password", type: "password", autocomplete: "current-password", required: "", autofocus: "" });
  const code = createElement("input", { name: "code", autocomplete: "one-time-code", autocapitalize: "none" });
  const codeLabel = createElement("label", { hidden: "" }, t("code"), code); // for whoever logs in with codes
  const problem = createElement("p", { class: "notice", "data-state": "failed", role: "alert", hidden: "" });
  const cancel = createElement("button", { class: "button", type: "button" }, t("cancel"));
  const submit = createElement("button", { class: "button primary", type: "submit" }, t("log_in"));
  const { singleSignOn, singleSignOnText } = document.body.dataset;
  const provider = singleSignOn ? [createElement("a", { class: "button", href: singleSignOn, target: "_blank" }, singleSignOnText)] : [];
  const form = createElement(
    "form",
    { class: "stack" },
    createElement("h2", { id: "session-title" }, t("session_ended")),
    createElement("p", {}, t("session_ended_text")),
    problem,
    createElement("label", {}, t("username"), username),
    createElement("label", {}, t("password"), password),
    codeLabel,
    createElement("div", { class: "actions" }, cancel, ...provider, submit),
  );
  const dialog = createElement("dialog", { class: "dialog", "aria-labelledby": "session-title" }, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let done = false;
    const elsewhere = new BroadcastChannel(LOGGED_IN);
    elsewhere.addEventListener("message", () => {
      done = true; // if it was somebody else's, the next call asks again
      dialog.close();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      elsewhere.close();
      dialog.remove();
      resolve(done);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      const failure = await logIn({ username: username.value, password: password.value, code: code.value });
      submit.disabled = false;
      done = !failure;
      if (done) return dialog.close();
      problem.hidden = failure === CODE_REQUIRED;
      if (failure === CODE_REQUIRED) {
        codeLabel.hidden = false;
        return code.focus();
      }
      problem.textContent = failure;
      (codeLabel.hidden ? password : code).select();
    });
    dialog.showModal();
  });
}

// Return why it failed, or nothing.
async function logIn(credentials) {
  try {
    const response = await fetch(PATH, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(credentials),
    });
    if (response.ok) return "";
    const answer = await response.json();
    if (answer.code === CODE_REQUIRED) return CODE_REQUIRED;
    return response.status === 401 ? t("login_failed") : explain(answer);
  } catch {
    return t("no_response");
  }
}
