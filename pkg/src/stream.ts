/// <reference lib="dom" preserve="true" />
// The host of the event source's machine: requests, and reading their answers. What is done when, and what is in a stream, is decided
// in the machine (`sdk/js-eventsource`); this does it.

import { guarded } from "./dropin.js";
import { Host } from "./page.js";
import type * as glue from "everwire-glue";

/** URL, method, headers, body, id. @internal */
export type Given = [url: string, method: string, headers: [string, string][], body: BodyInit | null | undefined, lastEventId: string];

/** Of an answer that is no stream: status, type, what `Retry-After` says in milliseconds, the beginning of the body. @internal */
export type Words = [status: number, contentType: string | undefined, retryAfter: number | undefined, body: string];

/** What it is told; see `ResumableEventSourceOptions`. @internal */
export interface SourceOptions {
  readonly method?: string | undefined;
  readonly headers?: [string, string][] | undefined;
  readonly body?: BodyInit | null | undefined;
  readonly credentials?: RequestCredentials | undefined;
  readonly lastEventId: string;
  readonly heartbeatTimeout?: number | undefined;
  readonly maxRetries?: number | undefined;
  readonly connectTimeout?: number | undefined;
  readonly backoffBase?: number | undefined;
  readonly backoffMax?: number | undefined;
  readonly retry?: ((...words: Words) => boolean) | undefined;
  readonly prepare?: ((given: Given, answer: (changed?: Given) => void) => void) | undefined;
}

/** `(0)` an open, `(1, type, data, lastEventId)` an event, `(2, kind, retryIn, ...words)` an error. @internal */
export type TellSource = (what: 0 | 1 | 2, ...details: unknown[]) => void;

const CLOSED = 2;
/** In the machine's order. */
const KINDS = ["network", "connect-timeout", "silent", "refused", "too-long", "request", "replaced"];
const REFUSED = 3;
/** So much of a refusal's body is told. */
const EXCERPT = 1024;

/** @internal */
export class Source extends Host<glue.SourceMachine> {
  /** Of the stream that is or was open last, after redirects. */
  origin = "";
  #url: string;
  #options: SourceOptions;
  #tell: TellSource;
  /** What was asked for, by the machine's number. */
  #requests = new Map<number, AbortController>();
  #paused = false;
  /** Who waits for the pause to end. */
  #waiting: (() => void)[] = [];
  #words: Words | undefined;
  #id = "";

  constructor(Machine: typeof glue.SourceMachine, url: string, options: SourceOptions, tell: TellSource) {
    super();
    this.#url = url;
    this.#options = options;
    this.#tell = tell;
    const { lastEventId, maxRetries, connectTimeout, backoffBase, backoffMax, heartbeatTimeout } = options;
    this.live(new Machine(this, Math.random() * 2 ** 53, bytes(lastEventId), maxRetries, connectTimeout, backoffBase, backoffMax, heartbeatTimeout));
    this.machine?.reconnect();
  }

  get readyState(): number { return this.machine?.state() ?? CLOSED; }
  get lastEventId(): string { return this.machine?.id() ?? this.#id; }

  close(): void {
    this.machine?.close();
    this.#end();
  }

  reconnect(): void { this.machine?.reconnect(); }

  pause(): void {
    this.#paused = true;
    this.machine?.pause(true);
  }

  resume(): void {
    this.#paused = false;
    this.machine?.pause(false);
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The machine's word. */
  act(what: number, detail: number, more: number): void {
    switch (what) {
      case 0: return this.#tell(0);
      case 1: return this.#failed(detail, more);
      case 2: return void this.#request(detail);
      case 3: return this.#abort(detail);
      case 4: return this.start(detail);
      case 5: return this.stop();
    }
  }

  /** A string of what should be UTF-8. */
  text(bytes: Uint8Array): string { return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes); }

  /** An event, out of the machine's parser. */
  message(name: string, data: string, id: string): void { this.#tell(1, name, data, id); }

  #failed(kind: number, retryIn: number): void {
    const again = !Number.isNaN(retryIn);
    if (!again) this.#end();
    this.#tell(2, KINDS[kind], again ? retryIn : undefined, ...(kind === REFUSED ? this.#words ?? [] : []));
  }

  #end(): void {
    this.#id = this.lastEventId;
    for (const number of this.#requests.keys()) this.#abort(number);
    this.end();
  }

  #abort(number: number): void {
    this.#requests.get(number)?.abort();
    this.#requests.delete(number);
  }

  async #request(number: number): Promise<void> {
    const abort = new AbortController();
    this.#requests.set(number, abort);
    // What comes of it is never told from within the request for it.
    await null;
    let request: Request;
    try {
      request = await this.#make(abort.signal);
    } catch {
      // What can't be made once never can; a hook may know better the next time.
      if (!abort.signal.aborted) this.machine?.unable(number, !this.#options.prepare);
      return;
    }
    try {
      const response = await fetch(request);
      if (!abort.signal.aborted) await this.#answered(number, response, abort.signal);
    } catch {
      // It broke off.
    }
    if (!abort.signal.aborted) this.machine?.ended(number);
  }

  async #make(signal: AbortSignal): Promise<Request> {
    const { method = "GET", headers = [], body, credentials = "same-origin", prepare } = this.#options;
    let given: Given | undefined = [this.#url, method, headers, body, this.lastEventId];
    if (prepare) {
      const asked = given;
      given = await new Promise<Given | undefined>(answer => prepare(asked, answer));
    }
    if (!given) throw new Error("there is no request now");
    const all = new Headers({ accept: "text/event-stream" });
    // A header's value is a string of bytes: so goes an id in UTF-8, as the standard wants it.
    const id = String.fromCharCode(...bytes(given[4]));
    if (id) all.set("last-event-id", id);
    for (const [name, value] of given[2]) all.set(name, value);
    return new Request(given[0], { method: given[1], headers: all, body: given[3] ?? null, cache: "no-store", credentials, signal });
  }

  async #answered(number: number, response: Response, signal: AbortSignal): Promise<void> {
    const type = response.headers.get("content-type") ?? undefined;
    const { status, body } = response;
    const before = this.origin;
    // It is asked for while the machine tells of the open.
    this.origin = response.url && new URL(response.url).origin;
    if (!this.machine?.head(number, status, bytes(type ?? ""))) {
      this.origin = before;
      return this.#refused(number, [status, type, retryAfter(response), await excerpt(response)], signal);
    }
    const reader = body?.getReader();
    while (reader) {
      while (this.#paused) await new Promise<void>(go => this.#waiting.push(go));
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      this.machine?.chunk(number, value);
    }
  }

  #refused(number: number, words: Words, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#words = words;
    this.machine?.refused(number, words[2], guarded(() => this.#options.retry?.(...words)));
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** The beginning of the body. Where only the type is wrong there is none: that may be a stream without an end. */
async function excerpt({ status, body }: Response): Promise<string> {
  const reader = status === 200 ? undefined : body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let left = EXCERPT; reader && left > 0;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.length;
  }
  return text + decoder.decode();
}

/** Seconds, or a date; what is past is no wait. */
function retryAfter({ headers }: Response): number | undefined {
  const text = headers.get("retry-after") ?? "";
  const wait = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return wait > 0 ? wait : undefined;
}
