import { FaceApiError } from "./errors.js";
import type { paths } from "./schema.js";

export interface ConnectionOptions {
  /** An API key: `xyl_…`. */
  apiKey?: string;
  /** The administrator, by HTTP Basic, for what no key may do. */
  admin?: { username: string; password: string };
  /** How often a call is repeated at most. Default 4. */
  retries?: number;
  /** A longer `Retry-After` is not waited for: the error is thrown. Default 60 s. */
  maxWaitMs?: number;
  /** How long the beginning of an answer is waited for, each time. Default 10 minutes: uploads count. */
  timeoutMs?: number;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call, and the waiting between tries. */
  signal?: AbortSignal;
}

export type QueryValue = string | number | boolean | null | undefined;

export interface Call extends CallOptions {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: keyof paths;
  ids?: Record<string, string>;
  query?: Record<string, QueryValue>;
  json?: unknown;
  form?: FormData;
  /** A part of a file. */
  piece?: Blob;
  headers?: Record<string, string>;
  /** Whether the call may be made again when nobody knows what became of it. */
  repeatable?: boolean;
  /** Not made again at all: there is another way. */
  once?: boolean;
}

const FIRST_WAIT_MS = 500;
// What fetch tells as the cause where no connection was made: the service has not been asked.
const UNSENT = new Set(["ECONNREFUSED", "EAI_AGAIN", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** One service, and how it is called: who calls, retries, errors. */
export class Connection {
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #retries: number;
  readonly #maxWaitMs: number;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(url: string, options: ConnectionOptions) {
    this.#base = url.replace(/\/+$/, "");
    this.#headers = credentials(options);
    this.#retries = options.retries ?? 4;
    this.#maxWaitMs = options.maxWaitMs ?? 60_000;
    this.#timeoutMs = options.timeoutMs ?? 600_000;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  async json<Body>(call: Call): Promise<Body> {
    return (await (await this.send(call)).json()) as Body;
  }

  /** Return the answer to a call, its body unread; FaceApiError when it is no success. */
  async send(call: Call): Promise<Response> {
    const response = await this.#retried(call);
    return response.ok ? response : this.#follow(response, call);
  }

  async #retried(call: Call): Promise<Response> {
    const repeatable = call.repeatable ?? call.method !== "POST";
    for (let tries = 0; ; tries++) {
      const isLast = call.once === true || tries >= this.#retries;
      let waitMs = FIRST_WAIT_MS * 2 ** tries * (0.5 + Math.random() / 2);
      try {
        const response = await this.#once(call);
        if (response.ok || (call.method === "GET" && REDIRECTS.has(response.status))) return response;
        const error = await FaceApiError.of(response);
        if (isLast || !canSucceedLater(error, repeatable)) throw error;
        waitMs = Math.max(waitMs, error.retryAfterMs ?? 0);
        if (waitMs > this.#maxWaitMs) throw error;
      } catch (error) {
        if (error instanceof FaceApiError || isLast || call.signal?.aborted) throw error;
        if (!repeatable && !isUnsent(error)) throw error;
      }
      await pause(waitMs, call.signal);
    }
  }

  async #once(call: Call): Promise<Response> {
    const { headers, body } = this.#content(call);
    return this.#fetched(this.#url(call), { method: call.method, headers, body, redirect: "manual" }, call.signal);
  }

  /** Links lead to the object store: they need no credentials, and must not be given any. */
  async #follow(response: Response, call: Call): Promise<Response> {
    const link = new URL(response.headers.get("Location") ?? "", this.#base);
    const found = await this.#fetched(link, { method: "GET" }, call.signal);
    if (!found.ok) throw await FaceApiError.of(found);
    return found;
  }

  /** Time out until the answer begins: how long its body takes depends on its size. */
  async #fetched(url: URL, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException("No answer in time", "TimeoutError")), this.#timeoutMs);
    try {
      return await this.#fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal });
    } finally {
      clearTimeout(timer);
    }
  }

  #url({ path, ids = {}, query = {} }: Call): URL {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? ""));
    const url = new URL(this.#base + filled);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return url;
  }

  #content(call: Call): { headers: Record<string, string>; body: BodyInit | null } {
    const headers = { ...this.#headers, ...call.headers };
    if (call.json === undefined) return { headers, body: call.form ?? call.piece ?? null };
    return { headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(call.json) };
  }
}

function credentials({ apiKey, admin }: ConnectionOptions): Record<string, string> {
  if (apiKey !== undefined) return { "X-API-Key": apiKey };
  if (admin === undefined) return {};
  const bytes = new TextEncoder().encode(`${admin.username}:${admin.password}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** A refusal with Retry-After has changed nothing; what a proxy says may come after the deed. */
function canSucceedLater({ status, retryAfterMs }: FaceApiError, repeatable: boolean): boolean {
  if (status === 429 || status === 503) return repeatable || retryAfterMs !== null;
  return status === 502 && repeatable;
}

function isUnsent(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  return UNSENT.has(cause?.code ?? "");
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
