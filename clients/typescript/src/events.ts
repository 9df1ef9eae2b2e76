import type { Call, Connection } from "./connection.js";

const STREAM = "text/event-stream";
const SILENCE_MS = 40_000; // chosen: the service says every 15 s that it is still there

/**
 * What the events of a stream hold, for as long as they come. It ends without an error, whether the stream was refused,
 * broke off or is over: the caller has another way to learn how things are. Only its signal throws.
 */
export async function* events<State>(connection: Connection, call: Call): AsyncGenerator<State, void> {
  const silence = new AbortController();
  const signal = call.signal ? AbortSignal.any([call.signal, silence.signal]) : silence.signal;
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await connection.send({ ...call, headers: { Accept: STREAM }, once: true, signal });
    if (!response.headers.get("Content-Type")?.startsWith(STREAM)) return;
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice(5)) as State;
    }
  } catch (error) {
    if (call.signal?.aborted) throw error;
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}
