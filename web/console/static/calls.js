// Forms, buttons and choices that call the API. data-call: method and path; data-done: what a toast says afterwards;
// data-json: what a button sends; data-confirm: the question that is asked before.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";

async function perform({ call, done }, json) {
  const [method, path] = call.split(" ");
  await callApi(method, path, json ? { json } : {});
  toastOnNextPage(done);
  location.reload();
}

for (const form of document.querySelectorAll("form[data-call]")) {
  const problem = form.querySelector("[data-problem]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { repeated, ...json } = Object.fromEntries(new FormData(form));
    try {
      if (repeated !== undefined && repeated !== json.password) throw new Error(t("passwords_differ"));
      await perform(form.dataset, json);
    } catch (error) {
      problem.querySelector("span").textContent = error.message;
      problem.hidden = false;
    }
  });
}

for (const button of document.querySelectorAll("button[data-call]")) {
  button.addEventListener("click", async () => {
    const { confirm, yes, json } = button.dataset;
    if (confirm && !(await confirmAction(button.textContent.trim(), confirm, { yes, no: t("cancel") }))) return;
    button.disabled = true;
    try {
      await perform(button.dataset, json && JSON.parse(json));
    } catch (error) {
      button.disabled = false;
      toast(error.message, "failed");
    }
  });
}

for (const select of document.querySelectorAll("select[data-call]")) {
  const before = select.value;
  select.addEventListener("change", async () => {
    try {
      await perform(select.dataset, { [select.name]: select.value });
    } catch (error) {
      select.value = before;
      toast(error.message, "failed");
    }
  });
}

// data-open: a dialog; data-to: the call of its form, where it is one for several.
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => {
    const dialog = document.getElementById(button.dataset.open);
    const form = dialog.querySelector("form");
    if (button.dataset.to) form.dataset.call = button.dataset.to;
    form.reset();
    form.querySelector("[data-problem]").hidden = true;
    for (const place of dialog.querySelectorAll("[data-name]")) place.textContent = button.dataset.of;
    dialog.showModal();
  });
}
