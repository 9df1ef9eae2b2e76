// Creates, changes, rotates, revokes and deletes API keys.

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

// The key is shown this once: only the button closes it. Chromium lets the second "cancel" through, so the key press is stopped too.
function showKey(text) {
  document.getElementById("created-key").textContent = text;
  const dialog = document.getElementById("created");
  const ask = (event) => event.preventDefault(); // leaving would lose it as well
  addEventListener("beforeunload", ask);
  dialog.addEventListener("close", () => {
    removeEventListener("beforeunload", ask);
    location.reload();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault());
  dialog.showModal();
}

const properties = document.getElementById("properties");
const fields = properties.querySelector("form").elements;

// Open the dialog with a key's properties; save gets those that were chosen, and its error is shown in the dialog.
function editProperties(key, title, save) {
  const heading = document.getElementById("properties-title");
  const problem = properties.querySelector("[data-problem]");
  heading.textContent = heading.dataset[title];
  fields.name.value = key.name;
  for (const box of fields.scopes) box.checked = key.scopes.includes(box.value);
  fields.expires_at.value = key.expires_at ? localTime(new Date(key.expires_at)) : "";
  fields.allowed_networks.value = key.allowed_networks.join("\n");
  fields.detect.value = key.rate_limits.detect ?? "";
  fields.mask.value = key.rate_limits.mask ?? "";
  problem.hidden = true;
  properties.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      await save(chosenProperties());
    } catch (error) {
      problem.querySelector("span").textContent = error.message;
      problem.hidden = false;
    }
  };
  properties.showModal();
}

function chosenProperties() {
  const end = fields.expires_at.value;
  return {
    name: fields.name.value,
    scopes: [...fields.scopes].filter((box) => box.checked).map((box) => box.value),
    expires_at: end ? new Date(end).toISOString() : null,
    allowed_networks: fields.allowed_networks.value.split(/[\s,]+/).filter(Boolean),
    rate_limits: { detect: fields.detect.value.trim() || null, mask: fields.mask.value.trim() || null },
  };
}

// A moment as such an input shows it, in the viewer's time.
function localTime(moment) {
  return new Date(moment - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

const form = document.querySelector("[data-create-form]");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  withErrorToast(async () => {
    button.disabled = true;
    try {
      showKey((await callApi("POST", PATH, { json: { name: form.elements.name.value } })).key);
    } finally {
      button.disabled = false;
    }
  });
});
form.querySelector("[data-create-with]").addEventListener("click", () => {
  const usual = { scopes: ["detect", "mask"], expires_at: null, allowed_networks: [], rate_limits: {} };
  editProperties({ name: form.elements.name.value, ...usual }, "new", async (json) => {
    const created = await callApi("POST", PATH, { json });
    properties.close();
    showKey(created.key);
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
  row.querySelector("[data-edit]").addEventListener("click", () =>
    editProperties(JSON.parse(row.dataset.properties), "edit", async (json) => {
      await callApi("PATCH", `${PATH}/${key}`, { json });
      reloadWithToast(t("key_changed"));
    }),
  );
  row.querySelector("[data-rotate]")?.addEventListener("click", () => {
    const dialog = document.getElementById("rotate");
    const form = dialog.querySelector("form");
    form.onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      withErrorToast(async () => {
        const json = { overlap_s: Number(form.elements.overlap_s.value) };
        showKey((await callApi("POST", `${PATH}/${key}/rotate`, { json })).key);
      });
    };
    dialog.showModal();
  });
  row.querySelector("[data-delete]").addEventListener("click", () =>
    withErrorToast(async () => {
      if (!(await confirmAction(t("delete_key_title"), t("delete_key_text", { name })))) return;
      await callApi("DELETE", `${PATH}/${key}`);
      reloadWithToast(t("deleted", { n: 1 }));
    }),
  );
}
