import { type Call, type CallOptions, type Connection, pause } from "./connection.js";
import { events } from "./events.js";
import { asBlob, type FileData } from "./pictures.js";
import type { components, operations } from "./schema.js";

export type Batch = components["schemas"]["BatchResponse"];
export type BatchItem = components["schemas"]["ItemResponse"];
export type NewBatch = components["schemas"]["BatchCreation"];
/** A message to a webhook. */
export type Delivery = components["schemas"]["DeliveryResponse"];
export type UploadReceipt = components["schemas"]["ReceiptResponse"];

/** A picture of a batch. name: its name in the batch, a relative path. */
export interface NamedFile {
  name: string;
  data: FileData;
}

export interface WaitOptions<State> extends CallOptions {
  /** How often the service is asked, where it does not tell by itself. Default 1 s. */
  intervalMs?: number;
  onProgress?: (state: State) => void;
}

type ListQuery = NonNullable<operations["list_batches"]["parameters"]["query"]>;
type DeliveryQuery = NonNullable<operations["list_batch_deliveries"]["parameters"]["query"]>;
type ItemQuery = Omit<NonNullable<operations["list_batch_items"]["parameters"]["query"]>, "page" | "per_page">;

const ROOT = "/api/v1/admin/batches";
// chosen: below the service's default of 25 MiB a body, however much the form adds.
const UPLOAD_BYTES = 20 * 1024 * 1024;
const UPLOAD_FILES = 50;
const PAGE = 100;

/** Many pictures at once, processed in the background. Needs a key with the scope `batch`, or the administrator. */
export class Batches {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Create a batch. With an idempotency key of your own, a program that starts again goes on with its batch. */
  create(batch: NewBatch, options: CallOptions & { idempotencyKey?: string } = {}): Promise<Batch> {
    const headers = { "Idempotency-Key": options.idempotencyKey ?? crypto.randomUUID() };
    const { signal } = options;
    return this.#connection.json({ method: "POST", path: ROOT, json: batch, headers, repeatable: true, signal });
  }

  /** Upload pictures, in as many calls as they need; one that is there already makes no second item. */
  async add(batchId: string, files: Iterable<NamedFile>, options: CallOptions = {}): Promise<UploadReceipt> {
    const receipt: UploadReceipt = { accepted: [], refused: [] };
    for (const form of uploads(files)) {
      const path = `${ROOT}/{batch_id}/images` as const;
      const ids = { batch_id: batchId };
      const taken = await this.#connection.json<UploadReceipt>({
        method: "POST", path, ids, form, repeatable: true, ...options,
      });
      receipt.accepted.push(...taken.accepted);
      receipt.refused.push(...taken.refused);
    }
    return receipt;
  }

  /** Accept no more pictures: the batch is completed when the last one is finished. */
  close(batchId: string, options: CallOptions = {}): Promise<Batch> {
    return this.#change(`${ROOT}/{batch_id}/close`, batchId, options);
  }

  cancel(batchId: string, options: CallOptions = {}): Promise<Batch> {
    return this.#change(`${ROOT}/{batch_id}/cancel`, batchId, options);
  }

  retryFailed(batchId: string, options: CallOptions = {}): Promise<Batch> {
    return this.#change(`${ROOT}/{batch_id}/retry-failed`, batchId, options);
  }

  get(batchId: string, options: CallOptions = {}): Promise<Batch> {
    return this.#connection.json({ method: "GET", path: `${ROOT}/{batch_id}`, ids: { batch_id: batchId }, ...options });
  }

  list(query: ListQuery = {}, options: CallOptions = {}): Promise<components["schemas"]["BatchList"]> {
    return this.#connection.json({ method: "GET", path: ROOT, query, ...options });
  }

  /**
   * Wait until the batch is finished: it has to be closed or cancelled for that. Of its progress the service tells by an event
   * stream; where it can't, or nobody wants to know, it is asked every so often.
   */
  async wait(batchId: string, options: WaitOptions<Batch> = {}): Promise<Batch> {
    const path = `${ROOT}/{batch_id}/events` as const;
    const call: Call = { method: "GET", path, ids: { batch_id: batchId }, signal: options.signal };
    for await (const batch of options.onProgress ? events<Batch>(this.#connection, call) : []) {
      options.onProgress?.(batch);
      if (batch.finished_at !== null) return batch;
    }
    for (;;) {
      const batch = await this.get(batchId, { signal: options.signal });
      options.onProgress?.(batch);
      if (batch.finished_at !== null) return batch;
      await pause(options.intervalMs ?? 1000, options.signal);
    }
  }

  /** All items, page by page, in the order in which they were added. */
  async *items(batchId: string, query: ItemQuery = {}, options: CallOptions = {}): AsyncGenerator<BatchItem, void> {
    const path = `${ROOT}/{batch_id}/items` as const;
    for (let page = 1, pages = 1; page <= pages; page++) {
      const asked = { ...query, page, per_page: PAGE };
      const found = await this.#connection.json<components["schemas"]["ItemList"]>({
        method: "GET", path, ids: { batch_id: batchId }, query: asked, ...options,
      });
      yield* found.items;
      pages = found.pages;
    }
  }

  /** The masked picture of an item; of a detection, its entry of the manifest as JSON. */
  async result(batchId: string, itemId: string, options: CallOptions = {}): Promise<Blob> {
    const path = `${ROOT}/{batch_id}/items/{item_id}/result` as const;
    const ids = { batch_id: batchId, item_id: itemId };
    return (await this.#connection.send({ method: "GET", path, ids, ...options })).blob();
  }

  /** A ZIP of all that is finished, as it comes. A cut one ends in an error, never in silence. */
  async results(batchId: string, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const path = `${ROOT}/{batch_id}/results` as const;
    const response = await this.#connection.send({ method: "GET", path, ids: { batch_id: batchId }, ...options });
    return response.body ?? new ReadableStream();
  }

  /** A page of the messages to its webhook, newest first. */
  deliveries(
    batchId: string, query: DeliveryQuery = {}, options: CallOptions = {},
  ): Promise<components["schemas"]["DeliveryList"]> {
    const path = `${ROOT}/{batch_id}/deliveries` as const;
    return this.#connection.json({ method: "GET", path, ids: { batch_id: batchId }, query, ...options });
  }

  /** Deliver a message again that was delivered or given up; a pending one stays as it is. */
  redeliver(batchId: string, deliveryId: string, options: CallOptions = {}): Promise<Delivery> {
    const path = `${ROOT}/{batch_id}/deliveries/{delivery_id}/redeliver` as const;
    const ids = { batch_id: batchId, delivery_id: deliveryId };
    return this.#connection.json({ method: "POST", path, ids, repeatable: true, ...options });
  }

  /** Delete a finished batch with its pictures, jobs and results. */
  async delete(batchId: string, options: CallOptions = {}): Promise<void> {
    await this.#connection.send({ method: "DELETE", path: `${ROOT}/{batch_id}`, ids: { batch_id: batchId }, ...options });
  }

  #change(path: `${typeof ROOT}/{batch_id}/${"close" | "cancel" | "retry-failed"}`, batchId: string, options: CallOptions) {
    const ids = { batch_id: batchId };
    return this.#connection.json<Batch>({ method: "POST", path, ids, repeatable: true, ...options });
  }
}

/** Forms that each hold what one call takes; a file that is larger goes alone, and is refused by name. */
function* uploads(files: Iterable<NamedFile>): Generator<FormData, void> {
  let form = new FormData();
  let bytes = 0;
  let count = 0;
  for (const { name, data } of files) {
    const blob = asBlob(data);
    if (count > 0 && (bytes + blob.size > UPLOAD_BYTES || count === UPLOAD_FILES)) {
      yield form;
      [form, bytes, count] = [new FormData(), 0, 0];
    }
    form.append("images", blob, name);
    bytes += blob.size;
    count += 1;
  }
  if (count > 0) yield form;
}
