import type { components, operations } from "./schema.js";

type Region = components["schemas"]["RequestedRegion"];

/** The bytes of a file. Of a large one in Node: `await openAsBlob(path)` of `node:fs`, which is read while it is sent. */
export type FileData = Blob | Uint8Array | ArrayBuffer;

export type DetectOptions = NonNullable<operations["detect_faces"]["parameters"]["query"]>;
export type DetectResponse = components["schemas"]["DetectResponse"];

export type MaskOptions = NonNullable<operations["mask_image"]["parameters"]["query"]> & {
  /** What is always masked. */
  mask_regions?: Region[];
  /** Faces whose centre lies in one of these are left as they are. */
  keep_regions?: Region[];
};

/** A picture whose faces are masked. */
export interface MaskedImage {
  image: Uint8Array<ArrayBuffer>;
  /** `image/jpeg`, `image/png` or `image/webp`. */
  contentType: string;
  report: MaskReport;
}

/** What was done to a picture; null is what the service has not said. */
export interface MaskReport {
  requestId: string | null;
  /** The stored picture and job; null when nothing was stored. */
  imageId: string | null;
  jobId: string | null;
  model: string | null;
  /** Faces found and masked. */
  faces: number;
  /** How many of them are doubtful: masked, though less sure than `confidence`. */
  doubtfulFaces: number;
  keptFaces: number;
  /** When the masked picture was searched again: 0. */
  residualFaces: number | null;
  /** The longer side, in pixels, of the smallest face that was seen reliably. */
  smallestFacePx: number | null;
  effectiveStrength: number | null;
  /** Metadata of the upload that was removed, by name. */
  metadataRemoved: string[];
  inferenceMs: number | null;
  maskMs: number | null;
  encodeMs: number | null;
  totalMs: number | null;
}

type MaskHeader = Exclude<keyof operations["mask_image"]["responses"][200]["headers"], number> & string;

export function maskReport(headers: Headers): MaskReport {
  const text = (name: MaskHeader): string | null => headers.get(name);
  const number = (name: MaskHeader): number | null => (headers.has(name) ? Number(headers.get(name)) : null);
  return {
    requestId: text("X-Request-Id"),
    imageId: text("X-Image-Id"),
    jobId: text("X-Job-Id"),
    model: text("X-Model"),
    faces: number("X-Face-Count") ?? 0,
    doubtfulFaces: number("X-Doubtful-Faces") ?? 0,
    keptFaces: number("X-Kept-Faces") ?? 0,
    residualFaces: number("X-Residual-Faces"),
    smallestFacePx: number("X-Smallest-Face"),
    effectiveStrength: number("X-Mask-Effective-Strength"),
    metadataRemoved: text("X-Metadata-Removed")?.split(", ") ?? [],
    inferenceMs: number("X-Inference-Ms"),
    maskMs: number("X-Mask-Ms"),
    encodeMs: number("X-Encode-Ms"),
    totalMs: number("X-Total-Ms"),
  };
}

export function asBlob(data: FileData): Blob {
  return data instanceof Blob ? data : new Blob([data as Uint8Array<ArrayBuffer>]);
}

/** The form of one picture, with regions as JSON. */
export function pictureForm(data: FileData, regions: { mask_regions?: Region[]; keep_regions?: Region[] } = {}): FormData {
  const form = new FormData();
  form.append("image", asBlob(data), "image");
  for (const [name, given] of Object.entries(regions)) {
    if (given !== undefined) form.append(name, JSON.stringify(given));
  }
  return form;
}
