// Calls to the admin API with the page's session; errors carry a text for the viewer.

import { logInAgain } from "./session.js";
import { explain, t } from "./texts.js";

export class ApiError extends Error {}

// When the session has ended, the viewer logs in on the page, which keeps all that is there, and the call is repeated.
// raw: the response itself is wanted.
export async function callApi(method, path, { json, form, signal, raw = false } = {}) {
  const request = {
    method,
    signal,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...(json && { "Content-Type": "application/json" }) },
    body: json ? JSON.stringify(json) : form,
  };
  let response = await send(path, request);
  while (response.status === 401) {
    if (!(await logInAgain())) throw Object.assign(new ApiError(t("session_ended")), { loggedOut: true });
    response = await send(path, request);
  }
  if (!response.ok) throw await toError(response);
  return raw ? response : response.status === 204 ? null : response.json();
}

async function send(path, request) {
  try {
    return await fetch(path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(t("no_response"));
  }
}

async function toError(response) {
  const problem = await response.json().catch(() => ({}));
  const id = problem.request_id || response.headers.get("X-Request-Id") || "";
  const detail = problem.code ? explain(problem) : `HTTP ${response.status}`;
  const error = new ApiError(t("request_failed", { detail, id }));
  error.status = response.status;
  error.code = problem.code;
  return error;
}
