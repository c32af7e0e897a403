// HTTP by `fetch`: an SSE stream, an exchange of a poll, a request beside the transport. They differ only in what is done with the answer's
// body. Knows nothing of what is in it.

import type { Request } from "./records.js";

/** An answer: a status, what `Retry-After` says in milliseconds, a body. Without a status there is none. */
export type Answered = (status: number, retryAfter?: number, body?: Uint8Array) => void;

/** Who reads a stream: told of its beginning and of each chunk. */
export interface Streaming {
  opened(): void;
  chunk(bytes: Uint8Array): void;
}

/**
 * The browser hands over what has come meanwhile, however much that is: it goes in by pieces, and the app takes what is in each before the
 * next. More at once would look like an app that does not keep up.
 */
const PIECE = 48 * 1024;

/** Makes a request. What comes of it is told later, never from in here. Returns what aborts it: then nothing is told any more. */
export function exchange(base: string, request: Request, answered: Answered, streaming?: Streaming): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const tell: Answered = (...answer) => {
    if (signal.aborted) return;
    abort.abort();
    answered(...answer);
  };
  void take(fetch(base + request.target, init(request, signal)), request.limit, tell, signal, streaming).catch(() => tell(0));
  return () => abort.abort();
}

function init({ accept, type, token, body }: Request, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = {};
  if (accept) headers["accept"] = accept;
  if (type) headers["content-type"] = type;
  if (token) headers["authorization"] = `Bearer ${token}`;
  return { method: body ? "POST" : "GET", headers, body: body ?? null, cache: "no-store", signal };
}

async function take(asked: Promise<Response>, limit: number, tell: Answered, signal: AbortSignal, streaming?: Streaming): Promise<void> {
  const { status, headers, body } = await asked;
  if (signal.aborted) return;
  const seconds = headers.get("retry-after") ?? "";
  const retryAfter = /^\d+$/.test(seconds) ? Number(seconds) * 1_000 : NaN;
  const reader = body?.getReader();
  const streams = streaming && status === 200;
  if (streams) {
    // What else answers with 200 is not from the server; its body is of no interest.
    if (!headers.get("content-type")?.startsWith("text/event-stream")) return tell(200, NaN);
    streaming.opened();
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) break;
    if (streams) {
      for (let at = 0; at < value.length && !signal.aborted; at += PIECE) {
        streaming.chunk(value.subarray(at, at + PIECE));
        await null;
      }
    } else {
      length += value.length;
      if (length > limit) return tell(0);
      chunks.push(value);
    }
  }
  if (streams) return tell(0);
  const whole = new Uint8Array(length);
  for (const chunk of chunks.reverse()) whole.set(chunk, length -= chunk.length);
  tell(status, retryAfter, whole);
}
