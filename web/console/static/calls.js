// Calls to the admin API: with the page's session, and errors in words.

import { say } from "./words.js";

export class Problem extends Error {}

export async function call(method, path, { json, form, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(json && { "Content-Type": "application/json" }) },
      body: json ? JSON.stringify(json) : form,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(say("no_answer"));
  }
  if (answer.status === 401) {
    // The session has ended: log in and come back.
    location.assign(`/console/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {});
  }
  if (!answer.ok) throw await problem(answer);
  return answer.status === 204 ? null : answer.json();
}

async function problem(answer) {
  const told = await answer.json().catch(() => ({}));
  const id = told.request_id || answer.headers.get("X-Request-Id") || "";
  const made = new Problem(say("gone_wrong", { detail: told.detail || `HTTP ${answer.status}`, id }));
  made.status = answer.status;
  return made;
}
