/// <reference lib="dom" preserve="true" />
// The host of the event source's machine: requests, and reading their answers. What is done when, and what is in a stream, is decided
// in the machine (`sdk/js-eventsource`); this does it.

import { absolute, guarded } from "./dropin.js";
import type { Refusal, ResumableEventSourceOptions } from "./eventsource.js";
import { bring, decode, encode } from "./host/records.js";
import { Host } from "./page.js";
import type { SourceModule } from "everwire-glue";

/** What it is told. @internal */
export interface SourceOptions extends ResumableEventSourceOptions {
  readonly headers: Headers;
  readonly lastEventId: string;
}

const CLOSED = 2;
/** In the machine's order. */
const KINDS = ["network", "connect-timeout", "silent", "refused", "too-long", "request", "replaced"];
const REFUSED = 3;
/** So much of a refusal's body is told. */
const EXCERPT = 1024;

/** What the machine is told beside what the page does, which stands before these. In its order. */
const enum Input { Fired = 4, Reconnect, Pause, Head, Chunk, Refused, Ended, Unable }

/** What the machine wants done. In its order. */
const enum Told { Open = 1, Error, Request, Abort, Start, Stop, Message }

/** @internal */
export class Source extends Host {
  #module: SourceModule;
  #number: number;
  #url: string;
  #options: SourceOptions;
  /** Dispatches an event to the app. */
  #tell: (event: Event) => void;
  /** Of the stream that is or was open last, after redirects. */
  #origin = "";
  /** What was asked for, by the machine's number. */
  #requests = new Map<number, AbortController>();
  #paused = false;
  /** Who waits for the pause to end. */
  #waiting: (() => void)[] = [];
  #refusal: Refusal | undefined;
  #id = "";
  /** The machine's word is being done. */
  #acting = false;

  constructor(module: SourceModule, url: string, options: SourceOptions, tell: (event: Event) => void) {
    super();
    this.#module = module;
    this.#url = url;
    this.#options = options;
    this.#tell = tell;
    const { lastEventId, maxRetries, connectTimeout, backoffBase, backoffMax, heartbeatTimeout } = options;
    bring(this.#module, encode(lastEventId));
    const number = this.#number = module.create(Math.random() * 2 ** 53, maxRetries, connectTimeout, backoffBase, backoffMax, heartbeatTimeout);
    this.live({ changed: what => this.#input(what), fired: () => this.#input(Input.Fired), free: () => module.destroy(number) });
    this.reconnect();
  }

  get readyState(): number { return this.machine ? this.#module.look(this.#number) : CLOSED; }

  get lastEventId(): string {
    if (!this.machine) return this.#id;
    this.#module.look(this.#number);
    return this.#text();
  }

  close(): void {
    if (!this.machine) return;
    this.#id = this.lastEventId;
    for (const number of this.#requests.keys()) this.#abort(number);
    this.end();
  }

  reconnect(): void { this.#input(Input.Reconnect); }

  pause(): void {
    this.#paused = true;
    this.#input(Input.Pause, 0, 0, true);
  }

  resume(): void {
    this.#paused = false;
    this.#input(Input.Pause);
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The text that the machine has left. */
  #text(): string { return decode(new Uint8Array(this.#module.memory.buffer, this.#module.detail(), this.#module.more())); }

  /** Gives the machine an input, and does all that follows. An input that comes amid that, from the app, changes the machine at once; what follows from it waits its turn. */
  #input(what: number, request?: number, number?: number, flag?: boolean): boolean {
    if (!this.machine) return false;
    const streams = this.#module.input(this.#number, performance.now(), Date.now(), what, request, number, flag);
    if (!this.#acting) {
      this.#acting = true;
      while (this.machine && this.#act(this.#module.next(this.#number, performance.now(), Date.now(), this.hidden()))) {}
      this.#acting = false;
    }
    return streams > 0;
  }

  /** Does the machine's word, if there is one. */
  #act(what: number): boolean {
    const detail = this.#module.detail();
    switch (what) {
      case Told.Open:
        this.#tell(new Event("open"));
        break;
      case Told.Error:
        this.#failed(detail, this.#module.more());
        break;
      case Told.Request:
        void this.#request(detail);
        break;
      case Told.Abort:
        this.#abort(detail);
        break;
      case Told.Start:
        this.start(detail);
        break;
      case Told.Stop:
        this.stop();
        break;
      case Told.Message: {
        const text = this.#text();
        const [type, id] = text.split("\n", 2) as [string, string];
        this.#tell(new MessageEvent(type, { data: text.slice(type.length + id.length + 2), lastEventId: id, origin: this.#origin }));
      }
    }
    return what > 0;
  }

  #failed(kind: number, wait: number): void {
    const fatal = Number.isNaN(wait);
    if (fatal) this.close();
    this.#tell(Object.assign(new Event("error"), {
      kind: KINDS[kind], fatal, retryIn: fatal ? undefined : wait, refusal: kind === REFUSED ? this.#refusal : undefined,
    }));
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
      if (!abort.signal.aborted) this.#input(Input.Unable, number, 0, !this.#options.prepare);
      return;
    }
    try {
      const response = await fetch(request);
      if (!abort.signal.aborted) await this.#answered(number, response, abort.signal);
    } catch {
      // It broke off.
    }
    if (!abort.signal.aborted) this.#input(Input.Ended, number);
  }

  async #make(signal: AbortSignal): Promise<Request> {
    const { method = "GET", headers, body = null, withCredentials, prepare } = this.#options;
    const { lastEventId } = this;
    let request = { url: this.#url, method, headers: new Headers(headers), body, lastEventId };
    if (prepare) {
      request = { ...request, ...await prepare(request) as object };
      request.url = absolute(request.url).href;
    }
    const all = new Headers({ accept: "text/event-stream" });
    // A header's value is a string of bytes: so goes an id in UTF-8, as the standard wants it.
    if (lastEventId) all.set("last-event-id", String.fromCharCode(...encode(lastEventId)));
    for (const [name, value] of new Headers(request.headers)) all.set(name, value);
    return new Request(request.url, {
      method: request.method, headers: all, body: request.body ?? null, cache: "no-store", credentials: withCredentials ? "include" : "same-origin", signal,
    });
  }

  async #answered(number: number, response: Response, signal: AbortSignal): Promise<void> {
    const contentType = response.headers.get("content-type") ?? undefined;
    const { status, body } = response;
    const before = this.#origin;
    // It is asked for while the machine tells of the open.
    this.#origin = response.url && new URL(response.url).origin;
    bring(this.#module, encode(contentType ?? ""));
    if (!this.#input(Input.Head, number, status)) {
      this.#origin = before;
      const refusal = { status, contentType, retryAfter: retryAfter(response), body: await excerpt(response) };
      return this.#refused(number, refusal, signal);
    }
    const reader = body?.getReader();
    while (reader) {
      while (this.#paused) await new Promise<void>(go => this.#waiting.push(go));
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      bring(this.#module, value);
      this.#input(Input.Chunk, number);
    }
  }

  #refused(number: number, refusal: Refusal, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#refusal = refusal;
    const { retry } = this.#options;
    const again = guarded(() => retry === "transient" ? TRANSIENT.test(`${refusal.status}`) : retry?.(refusal));
    this.#input(Input.Refused, number, refusal.retryAfter, again);
  }
}

/** Refusals that say of themselves that they pass. */
const TRANSIENT = /^(408|425|429|5..)$/;

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
