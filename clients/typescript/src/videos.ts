import type { Delivery, WaitOptions } from "./batches.js";
import { type CallOptions, type Connection, pause } from "./connection.js";
import { FaceApiError } from "./errors.js";
import { asBlob, type FileData } from "./pictures.js";
import type { components, operations } from "./schema.js";

export type Video = components["schemas"]["VideoResponse"];
export type AcceptedVideo = components["schemas"]["VideoAccepted"];
export type VideoOptions = NonNullable<operations["create_video"]["parameters"]["query"]>;

type Upload = components["schemas"]["UploadResponse"];
type DeliveryQuery = NonNullable<operations["list_video_deliveries"]["parameters"]["query"]>;
type ListQuery = NonNullable<operations["list_videos"]["parameters"]["query"]>;

/** What was masked in one frame. */
export interface Frame {
  frame: number;
  time_s: number;
  faces: TrackedFace[];
}

/** A face of a frame. seen: whether it was found in this frame, or only before and after it. */
export interface TrackedFace {
  track_id?: number | null;
  bbox: components["schemas"]["BBox"];
  confidence?: number | null;
  seen?: boolean;
}

const ROOT = "/api/v1/videos";
const UPLOAD = `${ROOT}/uploads/{upload_id}` as const;
const PIECE_BYTES = 16 * 1024 * 1024; // chosen: few calls for a large video, and little to send again

/** Moving pictures, masked in the background. Needs a key with the scope `video`, or the administrator. */
export class Videos {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Upload a video, in pieces: a connection that breaks costs one of them. */
  async create(
    video: FileData,
    query: VideoOptions = {},
    { filename = "video", signal }: CallOptions & { filename?: string } = {},
  ): Promise<AcceptedVideo> {
    const file = asBlob(video);
    const begun = { filename, size_bytes: file.size };
    const path = `${ROOT}/uploads` as const;
    const { id } = await this.#connection.json<Upload>({ method: "POST", path, json: begun, repeatable: true, signal });
    for (let at = 0; at < file.size; ) at = await this.#add(id, file, at, signal);
    return this.#connection.json({ method: "POST", path: ROOT, query, json: { upload_id: id }, repeatable: true, signal });
  }

  /** Add the piece that begins here, unless it has arrived already; return where the next one begins. */
  async #add(uploadId: string, file: Blob, at: number, signal?: AbortSignal): Promise<number> {
    const ids = { upload_id: uploadId };
    const piece = file.slice(at, at + PIECE_BYTES, "application/offset+octet-stream");
    const headers = { "Upload-Offset": String(at) };
    try {
      const kept = await this.#connection.send({ method: "PATCH", path: UPLOAD, ids, piece, headers, signal });
      const next = Number(kept.headers.get("Upload-Offset"));
      if (next > at) return next;
      throw new Error("The answer is not that of a Face API");
    } catch (error) {
      if (!(error instanceof FaceApiError && error.code === "upload_conflict")) throw error;
      return (await this.#connection.json<Upload>({ method: "GET", path: UPLOAD, ids, signal })).offset;
    }
  }

  /** Mask a video that is in the service's bucket already. */
  createFromBucket(sourceKey: string, query: VideoOptions = {}, options: CallOptions = {}): Promise<AcceptedVideo> {
    return this.#connection.json({ method: "POST", path: ROOT, query, json: { source_key: sourceKey }, ...options });
  }

  get(videoId: string, options: CallOptions = {}): Promise<Video> {
    return this.#connection.json({ method: "GET", path: `${ROOT}/{video_id}`, ids: { video_id: videoId }, ...options });
  }

  list(query: ListQuery = {}, options: CallOptions = {}): Promise<components["schemas"]["VideoList"]> {
    return this.#connection.json({ method: "GET", path: ROOT, query, ...options });
  }

  /** Ask until the video is completed, failed or cancelled: see its `status`. */
  async wait(videoId: string, options: WaitOptions<Video> = {}): Promise<Video> {
    for (;;) {
      const video = await this.get(videoId, { signal: options.signal });
      options.onProgress?.(video);
      if (video.finished_at !== null) return video;
      await pause(options.intervalMs ?? 1000, options.signal);
    }
  }

  /** The masked video, as it comes. A cut one ends in an error, never in silence. */
  async result(videoId: string, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const path = `${ROOT}/{video_id}/result` as const;
    const response = await this.#connection.send({ method: "GET", path, ids: { video_id: videoId }, ...options });
    return response.body ?? new ReadableStream();
  }

  /** What was masked, frame by frame. */
  async *tracks(videoId: string, options: CallOptions = {}): AsyncGenerator<Frame, void> {
    const path = `${ROOT}/{video_id}/tracks` as const;
    const response = await this.#connection.send({ method: "GET", path, ids: { video_id: videoId }, ...options });
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as Frame;
    }
    if (rest !== "") yield JSON.parse(rest) as Frame;
  }

  /** A page of the messages to its webhook, newest first. */
  deliveries(
    videoId: string, query: DeliveryQuery = {}, options: CallOptions = {},
  ): Promise<components["schemas"]["DeliveryList"]> {
    const path = `${ROOT}/{video_id}/deliveries` as const;
    return this.#connection.json({ method: "GET", path, ids: { video_id: videoId }, query, ...options });
  }

  /** Deliver a message again that was delivered or given up; a pending one stays as it is. */
  redeliver(videoId: string, deliveryId: string, options: CallOptions = {}): Promise<Delivery> {
    const path = `${ROOT}/{video_id}/deliveries/{delivery_id}/redeliver` as const;
    const ids = { video_id: videoId, delivery_id: deliveryId };
    return this.#connection.json({ method: "POST", path, ids, repeatable: true, ...options });
  }

  /** End a video; there will be no result. One that has ended stays as it is. */
  cancel(videoId: string, options: CallOptions = {}): Promise<Video> {
    const path = `${ROOT}/{video_id}/cancel` as const;
    return this.#connection.json({ method: "POST", path, ids: { video_id: videoId }, repeatable: true, ...options });
  }

  /** Delete a video with its upload, its result and its tracks. */
  async delete(videoId: string, options: CallOptions = {}): Promise<void> {
    await this.#connection.send({ method: "DELETE", path: `${ROOT}/{video_id}`, ids: { video_id: videoId }, ...options });
  }
}
