// Creates, renames, revokes and deletes API keys.

import { callApi } from "./api.js";
import { confirmAction, toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";

const PATH = "/api/v1/admin/api-keys";

async function withErrorToast(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message, "failed");
  }
}

function reloadWithToast(text) {
  toastOnNextPage(text);
  location.reload();
}

const form = document.querySelector("[data-create-form]");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  withErrorToast(async () => {
    button.disabled = true;
    try {
      const created = await callApi("POST", PATH, { json: { name: form.elements.name.value } });
      document.getElementById("created-key").textContent = created.key;
    } finally {
      button.disabled = false;
    }
    const dialog = document.getElementById("created");
    dialog.addEventListener("close", () => location.reload());
    // The key is shown this once: only the button closes it. Chromium lets the second "cancel" through, so the key press is stopped too.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault());
    dialog.showModal();
  });
});

for (const row of document.querySelectorAll("[data-key]")) {
  const { key, name } = row.dataset;
  const update = (json, text) =>
    withErrorToast(async () => {
      await callApi("PATCH", `${PATH}/${key}`, { json });
      reloadWithToast(t(text));
    });

  row.querySelector("[data-activate]").addEventListener("click", async (event) => {
    const active = event.currentTarget.dataset.activate === "true";
    const labels = { yes: t("revoke"), no: t("cancel") };
    if (!active && !(await confirmAction(t("revoke_key_title"), t("revoke_key_text", { name }), labels))) return;
    update({ is_active: active }, active ? "activated" : "revoked");
  });
  row.querySelector("[data-rename]").addEventListener("click", () => {
    const dialog = document.getElementById("rename");
    const form = dialog.querySelector("form");
    form.elements.name.value = name;
    form.onsubmit = (event) => {
      event.preventDefault();
      update({ name: form.elements.name.value }, "renamed");
    };
    dialog.showModal();
    form.elements.name.select();
  });
  row.querySelector("[data-delete]").addEventListener("click", () =>
    withErrorToast(async () => {
      if (!(await confirmAction(t("delete_key_title"), t("delete_key_text", { name })))) return;
      await callApi("DELETE", `${PATH}/${key}`);
      reloadWithToast(t("deleted", { n: 1 }));
    }),
  );
}
