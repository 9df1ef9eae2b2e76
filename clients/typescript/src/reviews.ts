import type { CallOptions, Connection } from "./connection.js";
import type { JobDetail } from "./records.js";
import type { components, operations } from "./schema.js";

export type MaskEdit = components["schemas"]["MaskEdit"];

type ReviewQuery = NonNullable<operations["list_reviews"]["parameters"]["query"]>;
type Verdict = components["schemas"]["Verdict"]["verdict"];

const ADMIN = "/api/v1/admin";
const JOB = `${ADMIN}/jobs/{job_id}` as const;

/** What a person decides about faces that were found. Needs a key with the scope `admin`, or the administrator. */
export class Reviews {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A page of the jobs with a doubtful face that nobody has reviewed, newest first. */
  list(query: ReviewQuery = {}, options: CallOptions = {}): Promise<components["schemas"]["ReviewList"]> {
    return this.#connection.json({ method: "GET", path: `${ADMIN}/reviews`, query, ...options });
  }

  /** The faces of a job are right as they are. */
  accept(jobId: string, options: CallOptions = {}): Promise<JobDetail> {
    return this.#review(jobId, "accepted", options);
  }

  /** Take back that they are. */
  reopen(jobId: string, options: CallOptions = {}): Promise<JobDetail> {
    return this.#review(jobId, "reopened", options);
  }

  /**
   * Mask a stored image again, without detections that are no faces and with faces that were missed: the new job. Nothing is
   * searched for, only you check the result; its `uncovered_faces` were found, and are visible now.
   */
  mask(imageId: string, edit: MaskEdit, options: CallOptions = {}): Promise<JobDetail> {
    const path = `${ADMIN}/images/{image_id}/mask` as const;
    return this.#connection.json({ method: "POST", path, ids: { image_id: imageId }, json: edit, ...options });
  }

  /** Take back a manual mask: the new job, which has the result from before. */
  undo(jobId: string, options: CallOptions = {}): Promise<JobDetail> {
    return this.#connection.json({ method: "POST", path: `${JOB}/undo`, ids: { job_id: jobId }, ...options });
  }

  #review(jobId: string, verdict: Verdict, options: CallOptions): Promise<JobDetail> {
    const path = `${JOB}/review` as const;
    const ids = { job_id: jobId };
    return this.#connection.json({ method: "POST", path, ids, json: { verdict }, repeatable: true, ...options });
  }
}
