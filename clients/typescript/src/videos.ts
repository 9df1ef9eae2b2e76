import type { WaitOptions } from "./batches.js";
import { type CallOptions, type Connection, pause } from "./connection.js";
import { asBlob, type FileData } from "./pictures.js";
import type { components, operations } from "./schema.js";

export type Video = components["schemas"]["VideoResponse"];
export type AcceptedVideo = components["schemas"]["VideoAccepted"];
export type VideoOptions = NonNullable<operations["create_video"]["parameters"]["query"]>;

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

/** Moving pictures, masked in the background. Needs a key with the scope `video`, or the administrator. */
export class Videos {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Upload a video. A connection that breaks meanwhile is not tried again: the video may be there. */
  create(video: FileData, query: VideoOptions = {}, options: CallOptions & { filename?: string } = {}): Promise<AcceptedVideo> {
    const form = new FormData();
    form.append("video", asBlob(video), options.filename ?? "video");
    return this.#connection.json({ method: "POST", path: ROOT, query, form, signal: options.signal });
  }

  /** Mask a video that is in the service's bucket already. */
  createFrom(sourceKey: string, query: VideoOptions = {}, options: CallOptions = {}): Promise<AcceptedVideo> {
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
