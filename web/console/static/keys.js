// API keys: made, renamed, revoked, deleted.

import { call } from "./calls.js";
import { agreed, later, toast } from "./dialogs.js";
import { say } from "./words.js";

const PATH = "/api/v1/admin/api-keys";

async function tried(work) {
  try {
    await work();
  } catch (error) {
    toast(error.message, "failed");
  }
}

function reload(text) {
  later(text);
  location.reload();
}

const create = document.querySelector("[data-create]");
create.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = create.querySelector("button");
  tried(async () => {
    button.disabled = true;
    try {
      const made = await call("POST", PATH, { json: { name: create.elements.name.value } });
      document.getElementById("made-key").textContent = made.key;
    } finally {
      button.disabled = false;
    }
    const dialog = document.getElementById("made");
    dialog.addEventListener("close", () => location.reload());
    dialog.showModal();
  });
});

for (const row of document.querySelectorAll("[data-key]")) {
  const { key, name } = row.dataset;
  const change = (json, text) =>
    tried(async () => {
      await call("PATCH", `${PATH}/${key}`, { json });
      reload(say(text));
    });

  row.querySelector("[data-activate]").addEventListener("click", (event) => {
    const active = event.currentTarget.dataset.activate === "true";
    change({ is_active: active }, active ? "activated" : "revoked");
  });
  row.querySelector("[data-rename]").addEventListener("click", () => {
    const dialog = document.getElementById("rename");
    const form = dialog.querySelector("form");
    form.elements.name.value = name;
    form.onsubmit = (event) => {
      event.preventDefault();
      change({ name: form.elements.name.value }, "renamed");
    };
    dialog.showModal();
    form.elements.name.select();
  });
  row.querySelector("[data-delete]").addEventListener("click", () =>
    tried(async () => {
      if (!(await agreed(say("delete_key_title"), say("delete_key_text", { name })))) return;
      await call("DELETE", `${PATH}/${key}`);
      reload(say("deleted", { n: 1 }));
    }),
  );
}
