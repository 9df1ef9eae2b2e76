import { Batches } from "./batches.js";
import { type CallOptions, Connection, type ConnectionOptions } from "./connection.js";
import {
  type DetectOptions,
  type DetectResponse,
  type FileData,
  type MaskedImage,
  type MaskOptions,
  maskReport,
  pictureForm,
} from "./pictures.js";
import { Records } from "./records.js";
import { Reviews } from "./reviews.js";
import type { components } from "./schema.js";
import { Videos } from "./videos.js";

/** A Face API service. url: what its paths begin with, such as `https://faces.example.org`. */
export class FaceApi {
  readonly batches: Batches;
  readonly videos: Videos;
  readonly records: Records;
  readonly reviews: Reviews;
  readonly #connection: Connection;

  constructor(url: string, options: ConnectionOptions = {}) {
    this.#connection = new Connection(url, options);
    this.batches = new Batches(this.#connection);
    this.videos = new Videos(this.#connection);
    this.records = new Records(this.#connection);
    this.reviews = new Reviews(this.#connection);
  }

  /** Find the faces of a picture. */
  detect(picture: FileData, query: DetectOptions = {}, options: CallOptions = {}): Promise<DetectResponse> {
    const form = pictureForm(picture);
    return this.#connection.json({ method: "POST", path: "/api/v1/detect", query, form, ...options });
  }

  /** Mask the faces of a picture. Whatever goes wrong is an error: there is never an unmasked picture in the answer. */
  async mask(picture: FileData, query: MaskOptions = {}, options: CallOptions = {}): Promise<MaskedImage> {
    const { mask_regions, keep_regions, ...rest } = query;
    const form = pictureForm(picture, { mask_regions, keep_regions });
    const response = await this.#connection.send({ method: "POST", path: "/api/v1/mask", query: rest, form, ...options });
    // Whatever else answers with 200 in place of the service has masked nothing.
    if (!response.headers.has("X-Face-Count")) throw new Error("The answer is not that of a Face API");
    return {
      image: new Uint8Array(await response.arrayBuffer()),
      contentType: response.headers.get("Content-Type") ?? "",
      report: maskReport(response.headers),
    };
  }

  /** Whether everything that is switched on is ready; FaceApiError with the status 503 when it is not. */
  health(options: CallOptions = {}): Promise<components["schemas"]["HealthResponse"]> {
    return this.#connection.json({ method: "GET", path: "/health", repeatable: false, ...options });
  }
}
