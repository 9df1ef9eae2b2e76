// Switching on the codes of the own account: the secret as a picture, a code that confirms it, the recovery codes.

import { callApi } from "./api.js";
import { toastOnNextPage } from "./dialogs.js";

const dialog = document.getElementById("codes");
const steps = [...(dialog?.querySelectorAll("form") ?? [])];

function show(number) {
  for (const [index, form] of steps.entries()) form.hidden = index !== number;
  steps[number].querySelector("input")?.focus();
}

// Run what a form does; its error is shown in it.
function submitting(form, action) {
  const problem = form.querySelector("[data-problem]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await action(Object.fromEntries(new FormData(form)));
    } catch (error) {
      problem.querySelector("span").textContent = error.message;
      problem.hidden = false;
    }
  });
}

if (dialog) {
  const [password, secret, recovery] = steps;
  document.querySelector("[data-begin-codes]").addEventListener("click", () => {
    for (const form of steps) form.reset();
    show(0);
    dialog.showModal();
  });
  submitting(password, async (json) => {
    const begun = await callApi("POST", "/api/v1/admin/account/totp", { json });
    secret.querySelector("img").src = begun.qr_code;
    secret.querySelector("[data-secret]").textContent = begun.secret;
    show(1);
  });
  submitting(secret, async (json) => {
    const { recovery_codes: codes } = await callApi("POST", "/api/v1/admin/account/totp/confirm", { json });
    recovery.querySelector("[data-codes]").textContent = codes.join("\n");
    show(2);
    // They are shown this once: only the button closes the dialog.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault());
  });
  recovery.addEventListener("submit", (event) => {
    event.preventDefault();
    toastOnNextPage(dialog.dataset.done);
    location.reload();
  });
}
