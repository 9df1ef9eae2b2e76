// The client and a real service: FACE_API_URL, FACE_API_KEY (scopes detect, mask, batch, video, read), PICTURE (a portrait,
// one face) and VIDEO (an MP4 with it, FRAMES frames) say which; ADMIN_PASSWORD is the administrator's.
import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";

import { FaceApi, FaceApiError } from "../dist/index.js";

const { FACE_API_URL, FACE_API_KEY, PICTURE, VIDEO, FRAMES, ADMIN_PASSWORD } = process.env;
const api = new FaceApi(FACE_API_URL, { apiKey: FACE_API_KEY });
const admin = new FaceApi(FACE_API_URL, { admin: { username: "admin", password: ADMIN_PASSWORD } });
let picture;

before(async () => {
  picture = await readFile(PICTURE);
});

const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8;

test("detects a face", async () => {
  const { summary, detections, image } = await api.detect(picture, { confidence: 0.4 });
  assert.equal(summary.face_count, 1);
  assert.ok(detections[0].bbox.x2 <= image.width);
});

test("masks a face, and tells what it did", async () => {
  const { image, contentType, report } = await api.mask(picture, { method: "solid", format: "png", verify: true });
  assert.equal(contentType, "image/png");
  assert.equal(Buffer.from(image.subarray(1, 4)).toString(), "PNG");
  assert.deepEqual([report.faces, report.keptFaces, report.residualFaces], [1, 0, 0]);
  assert.match(report.requestId, /^[0-9a-f-]{36}$/);
  assert.match(report.imageId, /^[0-9a-f-]{36}$/);
  assert.ok(report.smallestFacePx > 0 && report.totalMs > 0 && report.model);
});

test("sends regions", async () => {
  const everywhere = { unit: "relative", x1: 0, y1: 0, x2: 1, y2: 1 };
  const { report } = await api.mask(picture, { keep_regions: [everywhere] });
  assert.deepEqual([report.faces, report.keptFaces], [0, 1]);
  const again = await api.mask(picture, { mask_regions: [everywhere], method: "solid" });
  assert.ok(again.image.length < picture.length / 4);
});

test("throws the service's problems", async () => {
  const error = await api.detect(picture, { confidence: 2 }).catch((thrown) => thrown);
  assert.ok(error instanceof FaceApiError);
  assert.deepEqual([error.status, error.code, error.errors[0].field], [422, "invalid_option", "confidence"]);
  const stranger = new FaceApi(FACE_API_URL, { apiKey: `xyl_${"0".repeat(48)}` });
  await assert.rejects(stranger.mask(picture), { status: 401, code: "unauthenticated" });
  await assert.rejects(api.mask(new Uint8Array([1, 2, 3])), { status: 415 });
});

test("asks for the health", async () => {
  assert.equal((await api.health()).status, "ok");
});

test("finds what was stored", async () => {
  const { report } = await api.mask(picture, { method: "elliptical" });
  const { items } = await api.records.jobs({ method: "elliptical" });
  assert.ok(items.some((job) => job.id === report.jobId));
  const { image, detections } = await api.records.job(report.jobId);
  assert.deepEqual([image.id, detections.length], [report.imageId, 1]);
  assert.deepEqual((await api.records.image(image.id)).jobs.map((job) => job.id), [report.jobId]);
  assert.ok((await api.records.images()).items.some((one) => one.id === image.id));
  assert.equal((await api.records.original(image.id)).size, picture.length);
  assert.ok(isJpeg(new Uint8Array(await (await api.records.result(report.jobId)).arrayBuffer())));
  await assert.rejects(api.records.stats(), { status: 403, code: "missing_scope" });
  await assert.rejects(api.records.deleteImage(image.id), { status: 403, code: "missing_scope" });
});

test("masks by hand, and takes it back", async () => {
  const { report } = await api.mask(picture, { method: "solid" });
  const face = { x1: 10, y1: 10, x2: 60, y2: 80 };
  const edited = await admin.reviews.mask(report.imageId, { remove: [0], add: [face], newest_job_id: report.jobId });
  assert.deepEqual([edited.face_count, edited.uncovered_faces, edited.edited_by], [1, 1, "admin"]);
  assert.deepEqual(edited.detections.map((one) => one.bbox), [face]);
  await assert.rejects(admin.reviews.mask(report.imageId, { newest_job_id: report.jobId }), { code: "newer_result" });
  const undone = await admin.reviews.undo(edited.id);
  assert.deepEqual([undone.face_count, undone.edited_by], [1, null]);
  assert.equal((await admin.reviews.accept(undone.id)).id, undone.id);
  assert.equal((await admin.reviews.reopen(undone.id)).review_state, "pending");
  assert.ok((await admin.reviews.list()).items.some((job) => job.id === undone.id));
  await assert.rejects(api.reviews.list(), { status: 403, code: "missing_scope" });
});

test("tells of webhooks", async () => {
  const webhook_url = "https://hooks.invalid/face-api";
  const batch = await api.batches.create({ name: "told", webhook_url });
  await api.batches.close(batch.id);
  const { items: [delivery] } = await api.batches.deliveries(batch.id);
  assert.deepEqual([delivery.event, delivery.url], ["batch.completed", webhook_url]);
  assert.equal((await api.batches.redeliver(batch.id, delivery.id)).id, delivery.id);
  const { id } = await api.videos.create(await openAsBlob(VIDEO), { webhook_url });
  await api.videos.cancel(id);
  await api.videos.wait(id, { intervalMs: 200 });
  const { items: [told] } = await api.videos.deliveries(id);
  assert.equal((await api.videos.redeliver(id, told.id)).url, webhook_url);
});

test("masks a batch", async () => {
  const idempotencyKey = crypto.randomUUID();
  const batch = await api.batches.create({ name: "typescript", options: { method: "pixelate" } }, { idempotencyKey });
  assert.equal((await api.batches.create({ name: "typescript", options: { method: "pixelate" } }, { idempotencyKey })).id, batch.id);
  const files = [{ name: "2026/a.jpg", data: picture }, { name: "notes.txt", data: new TextEncoder().encode("no picture") }];
  const receipt = await api.batches.add(batch.id, files);
  assert.deepEqual([receipt.accepted.length, receipt.refused.length], [1, 1]);
  await api.batches.close(batch.id);
  const states = [];
  const done = await api.batches.wait(batch.id, { intervalMs: 200, onProgress: (one) => states.push(one.status) });
  assert.equal(done.status, "completed");
  assert.equal(states.at(-1), "completed");
  const items = await all(api.batches.items(batch.id, { state: "completed" }));
  assert.deepEqual(items.map((item) => [item.name, item.face_count]), [["2026/a.jpg", 1]]);
  assert.ok(isJpeg(new Uint8Array(await (await api.batches.result(batch.id, items[0].id)).arrayBuffer())));
  const zip = await new Response(await api.batches.results(batch.id)).arrayBuffer();
  assert.equal(Buffer.from(zip).subarray(0, 2).toString(), "PK");
  assert.ok((await api.batches.list()).items.some((one) => one.id === batch.id));
  await api.batches.delete(batch.id);
  await assert.rejects(api.batches.get(batch.id), { status: 404, code: "not_found" });
});

async function all(stream) {
  const found = [];
  for await (const one of stream) found.push(one);
  return found;
}

test("masks a video", async () => {
  const { id } = await api.videos.create(await openAsBlob(VIDEO), { method: "solid" }, { filename: "street.mp4" });
  const done = await api.videos.wait(id, { intervalMs: 200 });
  assert.deepEqual([done.status, done.filename], ["completed", "street.mp4"]);
  const masked = Buffer.from(await new Response(await api.videos.result(id)).arrayBuffer());
  assert.equal(masked.subarray(4, 8).toString(), "ftyp");
  const frames = await all(api.videos.tracks(id));
  assert.deepEqual([frames.length, frames[0].frame], [Number(FRAMES), 0]);
  assert.ok(frames.some((frame) => frame.faces.length === 1 && frame.faces[0].bbox.x2 > frame.faces[0].bbox.x1));
  assert.equal((await api.videos.cancel(id)).status, "completed");
  await api.videos.delete(id);
  assert.ok(!(await api.videos.list()).items.some((one) => one.id === id));
});
