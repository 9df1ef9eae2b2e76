import type { components } from "./schema.js";

type Problem = components["schemas"]["Problem"];

/** What is wrong with one parameter or form field. */
export type FieldProblem = components["schemas"]["FieldProblemBody"];

/** An answer that is an error (RFC 9457). `code` is stable: what a program should check. */
export class FaceApiError extends Error {
  override readonly name = "FaceApiError";
  readonly status: number;
  /** `http_502` and the like where the answer is not the service's own, but a proxy's. */
  readonly code: string;
  readonly title: string;
  readonly requestId: string | null;
  /** With 422: what is wrong, field by field. */
  readonly errors: readonly FieldProblem[];
  /** How long the service asks to wait before the next try; null: it doesn't say. */
  readonly retryAfterMs: number | null;

  constructor(response: Response, problem: Partial<Problem>) {
    super(problem.detail ?? `The answer was ${response.status}`);
    this.status = response.status;
    this.code = problem.code ?? `http_${response.status}`;
    this.title = problem.title ?? response.statusText;
    this.requestId = problem.request_id ?? response.headers.get("X-Request-Id");
    this.errors = problem.errors ?? [];
    this.retryAfterMs = retryAfterMs(response.headers.get("Retry-After"));
  }

  /** Read the body of an answer that is not a success. */
  static async of(response: Response): Promise<FaceApiError> {
    const text = await response.text().catch(() => "");
    return new FaceApiError(response, isProblem(response) ? parsed(text) : {});
  }
}

function isProblem(response: Response): boolean {
  return (response.headers.get("Content-Type") ?? "").startsWith("application/problem+json");
}

function parsed(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>;
  } catch {
    return {}; // cut off on its way
  }
}

/** Retry-After: seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(value: string | null): number | null {
  if (value === null || value.trim() === "") return null;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
