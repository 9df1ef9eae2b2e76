export { type AcceptedVideo, type Frame, type TrackedFace, type Video, type VideoOptions, Videos } from "./videos.js";
export { type Batch, Batches, type BatchItem, type Delivery, type NamedFile, type NewBatch, type UploadReceipt, type WaitOptions } from "./batches.js";
export { FaceApi } from "./client.js";
export type { CallOptions, ConnectionOptions } from "./connection.js";
export { FaceApiError, type FieldProblem } from "./errors.js";
export type { DetectOptions, DetectResponse, FileData, MaskedImage, MaskOptions, MaskReport } from "./pictures.js";
export { type ImageDetail, type Job, type JobDetail, Records, type Stats, type StoredImage } from "./records.js";
export { type MaskEdit, Reviews } from "./reviews.js";
export type { components, operations, paths } from "./schema.js";
