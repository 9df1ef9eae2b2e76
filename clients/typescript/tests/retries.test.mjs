// What the client does when a service refuses, breaks off or redirects: against a server that does what it is told.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, beforeEach, test } from "node:test";

import { FaceApi, FaceApiError } from "../dist/index.js";

const PICTURE = new Uint8Array([1, 2, 3]);
const PROBLEM = "application/problem+json";
const seen = [];
let answers = [];

const server = await started((request, response) => {
  seen.push({ method: request.method, url: request.url, headers: request.headers });
  request.resume().on("end", () => (answers.shift() ?? ok({}))(response));
});
const url = `http://127.0.0.1:${server.address().port}`;
after(() => server.close());

// What the client waits between two tries is noted instead; its only other timers are the timeouts, of minutes.
const waited = [];
let whileWaiting = null;
const later = globalThis.setTimeout;
globalThis.setTimeout = (what, ms, ...given) => {
  const isPause = ms < 60_000 && new Error().stack.includes("connection.js");
  if (isPause) waited.push(ms);
  if (isPause && whileWaiting) later(whileWaiting, 0);
  return later(what, isPause && !whileWaiting ? 0 : ms, ...given);
};

beforeEach(() => {
  answers = [];
  seen.length = waited.length = 0;
  whileWaiting = null;
});

async function started(listener) {
  const made = createServer(listener);
  await new Promise((resolve) => made.listen(0, "127.0.0.1", resolve));
  return made;
}

function ok(body, headers = {}) {
  return (response) => response.writeHead(200, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}

function problem(status, code, headers = {}, more = {}) {
  const body = { type: `urn:${code}`, title: code, status, detail: `about ${code}`, code, request_id: "r-1", ...more };
  return (response) => response.writeHead(status, { "Content-Type": PROBLEM, ...headers }).end(JSON.stringify(body));
}

const masked = (response) => response.writeHead(200, { "Content-Type": "image/jpeg", "X-Face-Count": "2" }).end("picture");
const brokenOff = (response) => response.destroy();
const api = (options = {}) => new FaceApi(url, { apiKey: "xyl_test", ...options });

test("waits as long as Retry-After says", async () => {
  answers = [problem(429, "rate_limited", { "Retry-After": "7" }), problem(503, "queue_full", { "Retry-After": "2" })];
  await api().detect(PICTURE);
  assert.equal(seen.length, 3);
  assert.ok(waited[0] === 7000 && waited[1] >= 2000 && waited[1] <= 7000, `${waited}`);
});

test("takes a date as Retry-After, too", async () => {
  answers = [problem(503, "queue_full", { "Retry-After": new Date(Date.now() + 30_000).toUTCString() })];
  await api().detect(PICTURE);
  assert.ok(waited[0] > 20_000 && waited[0] <= 30_000, `${waited}`);
});

test("gives up where it would wait too long", async () => {
  answers = [problem(429, "rate_limited", { "Retry-After": "900" })];
  await assert.rejects(api().detect(PICTURE), { code: "rate_limited", retryAfterMs: 900_000 });
  assert.equal(seen.length, 1);
});

test("gives up after so many tries, each after a longer wait", async () => {
  answers = Array.from({ length: 9 }, () => problem(503, "queue_full", { "Retry-After": "0" }));
  await assert.rejects(api({ retries: 3 }).detect(PICTURE), { status: 503 });
  assert.equal(seen.length, 4);
  assert.ok(waited[2] > waited[0], `${waited}`);
});

test("does not repeat what can never succeed", async () => {
  const errors = [{ field: "confidence", message: "too high" }];
  answers = [problem(422, "invalid_option", {}, { errors })];
  const error = await api().detect(PICTURE).catch((thrown) => thrown);
  assert.ok(error instanceof FaceApiError && error instanceof Error);
  assert.equal(error.message, "about invalid_option");
  assert.deepEqual([error.status, error.code, error.requestId], [422, "invalid_option", "r-1"]);
  assert.deepEqual(error.errors, errors);
  assert.equal(seen.length, 1);
});

test("tells a proxy's error by its status", async () => {
  answers = [(response) => response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>no</h1>")];
  await assert.rejects(api().health(), { name: "FaceApiError", code: "http_404", status: 404 });
});

test("sends no picture again that may have been kept", async () => {
  answers = [brokenOff, problem(502, "bad_gateway"), brokenOff];
  await assert.rejects(api().mask(PICTURE), TypeError);
  await assert.rejects(api().mask(PICTURE), { status: 502 });
  await assert.rejects(api().detect(PICTURE), TypeError);
  assert.equal(seen.length, 3);
});

test("sends a picture again where nobody took it", async () => {
  const gone = await started(() => {});
  const nobody = `http://127.0.0.1:${gone.address().port}`;
  await new Promise((resolve) => gone.close(resolve));
  let calls = 0;
  answers = [masked];
  const restarted = api({ fetch: (asked, init) => fetch(calls++ ? asked : nobody, init) });
  assert.equal((await restarted.mask(PICTURE)).report.faces, 2);
  assert.deepEqual([calls, seen.length], [2, 1]);
});

test("repeats what changes nothing, whose connection broke", async () => {
  answers = [brokenOff, problem(502, "bad_gateway"), ok({ id: "v" })];
  assert.equal((await api().videos.get("v")).id, "v");
  assert.equal(seen.length, 3);
});

test("goes on with a video where its upload is", async () => {
  const kept = (response) => response.writeHead(204, { "Upload-Offset": "3" }).end();
  answers = [ok({ id: "u", offset: 0 }), brokenOff, kept, brokenOff, ok({ id: "v" })];
  assert.equal((await api().videos.create(PICTURE)).id, "v");
  answers = [ok({ id: "u", offset: 0 }), brokenOff, problem(409, "upload_conflict"), ok({ offset: 3 }), ok({ id: "w" })];
  assert.equal((await api().videos.create(PICTURE)).id, "w");
  const asked = seen.map(({ method, headers }) => [method, headers["upload-offset"]].filter(Boolean).join(" "));
  assert.deepEqual(asked.slice(0, 5), ["POST", "PATCH 0", "PATCH 0", "POST", "POST"]);
  assert.deepEqual(asked.slice(5), ["POST", "PATCH 0", "PATCH 0", "GET", "POST"]);
});

test("sends a large video piece by piece", async () => {
  const kept = (offset) => (response) => response.writeHead(204, { "Upload-Offset": String(offset) }).end();
  const [piece, size] = [16 * 1024 * 1024, 16 * 1024 * 1024 + 10];
  answers = [ok({ id: "u", offset: 0 }), kept(piece), kept(size), ok({ id: "v" })];
  await api().videos.create(new Uint8Array(size), { method: "solid" });
  const lengths = seen.map(({ headers }) => Number(headers["content-length"]));
  assert.deepEqual(lengths.slice(1, 3), [piece, 10]);
  assert.deepEqual([seen[2].headers["upload-offset"], seen[3].url], [String(piece), "/api/v1/videos?method=solid"]);
  answers = [ok({ id: "u", offset: 0 }), ok({})];
  await assert.rejects(api().videos.create(PICTURE), { message: "The answer is not that of a Face API" });
});

test("masks no video of the bucket twice", async () => {
  answers = [brokenOff];
  await assert.rejects(api().videos.createFromBucket("a.mp4"));
  answers = [problem(502, "bad_gateway")];
  await assert.rejects(api().videos.createFromBucket("a.mp4"), { status: 502 });
  assert.equal(seen.length, 2);
});

test("gives up an upload that is refused", async () => {
  answers = [ok({ id: "u", offset: 0 }), problem(415, "unsupported_video")];
  await assert.rejects(api().videos.create(PICTURE), { code: "unsupported_video" });
  assert.equal(seen.length, 2);
});

test("creates a batch once, however often it is asked for", async () => {
  answers = [brokenOff, problem(502, "bad_gateway")];
  await api().batches.create({ name: "a" });
  const keys = new Set(seen.map(({ headers }) => headers["idempotency-key"]));
  assert.deepEqual([seen.length, keys.size], [3, 1]);
  assert.match([...keys][0], /^[0-9a-f-]{36}$/);
});

test("gives nobody else the key", async () => {
  const asked = [];
  const store = await started((request, response) => {
    asked.push(request.headers);
    response.end("the video");
  });
  after(() => store.close());
  const link = `http://127.0.0.1:${store.address().port}/v.mp4`;
  answers = [(response) => response.writeHead(302, { Location: link }).end()];
  const stream = await api().videos.result("an-id");
  assert.equal(await new Response(stream).text(), "the video");
  assert.equal(seen[0].headers["x-api-key"], "xyl_test");
  assert.equal(asked[0]["x-api-key"], undefined);
});

test("refuses a picture that was cut off", async () => {
  const cut = (response) => {
    response.writeHead(200, { "Content-Type": "image/jpeg", "Content-Length": "1000" });
    response.write("half");
    later(() => response.destroy(), 20);
  };
  answers = [cut];
  await assert.rejects(api().mask(PICTURE));
});

test("takes no picture from anybody but the service", async () => {
  answers = [ok({})];
  await assert.rejects(api().mask(PICTURE), { message: "The answer is not that of a Face API" });
});

test("sends an upload nowhere else", async () => {
  answers = [(response) => response.writeHead(301, { Location: "http://127.0.0.1:1/" }).end()];
  await assert.rejects(api().mask(PICTURE), { code: "http_301" });
  assert.equal(seen.length, 1);
});

test("stops waiting when it is told to", { timeout: 15_000 }, async () => {
  answers = [problem(503, "queue_full", { "Retry-After": "30" })];
  const stop = new AbortController();
  whileWaiting = () => stop.abort(new Error("enough"));
  await assert.rejects(api().detect(PICTURE, {}, { signal: stop.signal }), { message: "enough" });
  assert.equal(seen.length, 1);
});

test("writes queries, ids and the administrator as they are sent", async () => {
  const admin = new FaceApi(`${url}/`, { admin: { username: "admin", password: "päss:word" } });
  await admin.batches.get("a/b?c");
  await admin.detect(PICTURE, { confidence: 0.25, detail: undefined });
  assert.deepEqual(seen.map((one) => one.url), ["/api/v1/admin/batches/a%2Fb%3Fc", "/api/v1/detect?confidence=0.25"]);
  const [scheme, text] = seen[0].headers.authorization.split(" ");
  assert.deepEqual([scheme, Buffer.from(text, "base64").toString()], ["Basic", "admin:päss:word"]);
});

test("sends a batch's files in calls that a body holds", async () => {
  answers = [ok({ accepted: [1], refused: [] }), ok({ accepted: [2], refused: [] }), ok({ accepted: [], refused: [3] })];
  const file = { data: new Uint8Array(12 * 1024 * 1024), name: "a.jpg" };
  const receipt = await api().batches.add("b", [file, file, file]);
  assert.deepEqual(receipt, { accepted: [1, 2], refused: [3] });
});

const BATCH = { id: "b", status: "running", finished_at: null };
const FINISHED = { ...BATCH, status: "completed", finished_at: "2026-03-04T11:00:00Z" };
const event = (kind, batch) => `event: ${kind}\ndata: ${JSON.stringify(batch)}\n\n`;

function eventStream(...parts) {
  return (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" }).write("retry: 2000\n\n: still here\n\n");
    for (const part of parts) response.write(part);
    response.end();
  };
}

async function progress(options = {}) {
  const shown = [];
  const done = await api().batches.wait("b", { onProgress: (batch) => shown.push(batch.status), ...options });
  assert.equal(done.status, "completed");
  return shown;
}

test("is told of a batch's progress", async () => {
  const [head, tail] = [event("progress", BATCH).slice(0, 20), event("progress", BATCH).slice(20)];
  answers = [eventStream(head, tail, event("progress", FINISHED), event("done", FINISHED))];
  assert.deepEqual(await progress(), ["running", "completed"]);
  assert.deepEqual(seen.map((one) => [one.url, one.headers.accept]), [["/api/v1/admin/batches/b/events", "text/event-stream"]]);
});

test("asks for a batch's progress when events are refused, end, or are none", async () => {
  const refused = problem(503, "too_many_streams", { "Retry-After": "5" });
  const cut = (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(event("progress", BATCH), () => response.destroy());
  };
  for (const beginning of [refused, brokenOff, ok({}), cut, eventStream(event("progress", BATCH)), eventStream("data: {\n\n")]) {
    seen.length = waited.length = 0;
    answers = [beginning, ok(BATCH), ok(FINISHED)];
    assert.deepEqual((await progress({ intervalMs: 1 })).slice(-2), ["running", "completed"]);
    assert.deepEqual(seen.map((one) => one.url.replace("/api/v1/admin/batches/b", "")), ["/events", "", ""]);
    assert.deepEqual(waited, [1]);
  }
});

test("asks for a batch when nobody wants to know of its progress", async () => {
  answers = [ok(FINISHED)];
  await api().batches.wait("b");
  assert.deepEqual(seen.map((one) => one.url), ["/api/v1/admin/batches/b"]);
});

test("ends the events of a batch when the signal says so", async () => {
  const ending = new AbortController();
  answers = [(response) => response.writeHead(200, { "Content-Type": "text/event-stream" }).write(event("progress", BATCH))];
  const onProgress = () => ending.abort(new Error("enough"));
  await assert.rejects(api().batches.wait("b", { onProgress, signal: ending.signal }), { message: "enough" });
});
