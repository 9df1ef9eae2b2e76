// Calls to the admin API with the page's session; errors carry a text for the viewer.

import { t } from "./texts.js";

export class ApiError extends Error {}

export async function callApi(method, path, { json, form, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(json && { "Content-Type": "application/json" }) },
      body: json ? JSON.stringify(json) : form,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(t("no_response"));
  }
  if (response.status === 401) {
    // The session has expired: log in and come back.
    location.assign(`/console/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {});
  }
  if (!response.ok) throw await toError(response);
  return response.status === 204 ? null : response.json();
}

async function toError(response) {
  const problem = await response.json().catch(() => ({}));
  const id = problem.request_id || response.headers.get("X-Request-Id") || "";
  const error = new ApiError(t("request_failed", { detail: problem.detail || `HTTP ${response.status}`, id }));
  error.status = response.status;
  return error;
}
