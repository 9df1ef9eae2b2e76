import type { CallOptions, Connection } from "./connection.js";
import type { components, operations } from "./schema.js";

export type StoredImage = components["schemas"]["StoredImageResponse"];
export type ImageDetail = components["schemas"]["ImageDetailResponse"];
export type Job = components["schemas"]["JobResponse"];
export type JobDetail = components["schemas"]["JobDetailResponse"];
export type Stats = components["schemas"]["StatsResponse"];

type ImageQuery = NonNullable<operations["list_images"]["parameters"]["query"]>;
type JobQuery = NonNullable<operations["list_jobs"]["parameters"]["query"]>;

const IMAGES = "/api/v1/admin/images";
const IMAGE = `${IMAGES}/{image_id}` as const;
const JOBS = "/api/v1/admin/jobs";
const JOB = `${JOBS}/{job_id}` as const;

/**
 * What was stored: images, and the jobs that were done with them. A key with the scope `read` sees what it made; one with
 * `admin`, or the administrator, sees everything, and deletes and counts.
 */
export class Records {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#connection.json({ method: "GET", path: "/api/v1/admin/stats", ...options });
  }

  /** A page of the images, newest first. */
  images(query: ImageQuery = {}, options: CallOptions = {}): Promise<components["schemas"]["ImageList"]> {
    return this.#connection.json({ method: "GET", path: IMAGES, query, ...options });
  }

  /** An image with its jobs. */
  image(imageId: string, options: CallOptions = {}): Promise<ImageDetail> {
    return this.#connection.json({ method: "GET", path: IMAGE, ids: { image_id: imageId }, ...options });
  }

  async original(imageId: string, options: CallOptions = {}): Promise<Blob> {
    const path = `${IMAGE}/download` as const;
    return (await this.#connection.send({ method: "GET", path, ids: { image_id: imageId }, ...options })).blob();
  }

  /** Delete an image with its jobs and results. */
  async deleteImage(imageId: string, options: CallOptions = {}): Promise<void> {
    await this.#connection.send({ method: "DELETE", path: IMAGE, ids: { image_id: imageId }, ...options });
  }

  /** A page of the jobs, newest first unless `order` says otherwise. */
  jobs(query: JobQuery = {}, options: CallOptions = {}): Promise<components["schemas"]["JobList"]> {
    return this.#connection.json({ method: "GET", path: JOBS, query, ...options });
  }

  /** A job with its image and the faces. */
  job(jobId: string, options: CallOptions = {}): Promise<JobDetail> {
    return this.#connection.json({ method: "GET", path: JOB, ids: { job_id: jobId }, ...options });
  }

  /** The masked picture of a job. */
  async result(jobId: string, options: CallOptions = {}): Promise<Blob> {
    const path = `${JOB}/download` as const;
    return (await this.#connection.send({ method: "GET", path, ids: { job_id: jobId }, ...options })).blob();
  }
}
