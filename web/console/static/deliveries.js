// The messages to a webhook: one that has ended can be delivered again.

import { callApi } from "./api.js";
import { toast, toastOnNextPage } from "./dialogs.js";
import { t } from "./texts.js";

for (const button of document.querySelectorAll("[data-redeliver]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await callApi("POST", button.dataset.redeliver);
      toastOnNextPage(t("delivery_requeued"));
      location.reload();
    } catch (error) {
      button.disabled = false;
      toast(error.message, "failed");
    }
  });
}
