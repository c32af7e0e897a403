/// <reference lib="dom" preserve="true" />
// `ResumableEventSource`: the platform's interface over the module's event source, and what that lacks. What it decides is decided there;
// here is what JavaScript expects: what is thrown, events, handlers, and that it works before the module has loaded.

import { absolute, constants, handlers, required } from "./dropin.js";
import { persistently } from "./module.js";
import { Source, type SourceOptions } from "./stream.js";

export { init, type InitInput } from "./module.js";

/** An answer that is no stream. */
export interface Refusal {
  readonly status: number;
  readonly contentType?: string;
  /** What `Retry-After` says, in milliseconds. */
  readonly retryAfter?: number;
  /** The beginning of the body. */
  readonly body: string;
}

/** A request about to be made. */
export interface StreamRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body?: BodyInit | null;
  /** The id of the last event that had one. */
  readonly lastEventId: string;
}

/** Options of a {@link ResumableEventSource}. Times are in milliseconds. */
export interface ResumableEventSourceOptions {
  /** Send cookies to other origins too. */
  readonly withCredentials?: boolean;
  /** Default: `GET`. */
  readonly method?: string;
  /** For every attempt. */
  readonly headers?: HeadersInit;
  /** For every attempt: one that can be sent again, so no stream. */
  readonly body?: BodyInit | null;
  /** Where to start: what {@link ResumableEventSource.lastEventId} said on an earlier page. */
  readonly lastEventId?: string;
  /** A stream that brings nothing, not even a comment, for this long is dead. Default: none. */
  readonly heartbeatTimeout?: number;
  /** So many failures in a row are borne. Default: `Infinity`. */
  readonly maxRetries?: number;
  /** How long an attempt may take until it is open. Default: 30,000. */
  readonly connectTimeout?: number;
  /** The first wait is at most this long, and each one after it up to twice as long as the one before. Default: 500. */
  readonly backoffBase?: number;
  /** No wait between attempts is longer. Default: 20,000. */
  readonly backoffMax?: number;
  /** Which refusals are tried again: `"transient"` (408, 425, 429, 5xx), or who knows. Default: none, as the standard has it. */
  readonly retry?: "transient" | ((refusal: Refusal) => boolean);
  /** Changes the request before each attempt, such as for a fresh token. One that throws is a failed attempt. */
  readonly prepare?: (request: StreamRequest) => Partial<StreamRequest> | Promise<Partial<StreamRequest>>;
}

/** Why there is no stream now. */
export type FailureKind = "network" | "connect-timeout" | "silent" | "refused" | "too-long" | "request" | "replaced" | "load";

/** The stream was lost, or could not be had. */
export interface StreamErrorEvent extends Event {
  readonly kind: FailureKind;
  /** Whether that is the end. */
  readonly fatal: boolean;
  /** In how many milliseconds it is tried again; `Infinity`: when the network, or the page, is back. */
  readonly retryIn?: number;
  /** With `kind: "refused"`: by what answer. */
  readonly refusal?: Refusal;
}

/** What a {@link ResumableEventSource} tells, beside events of the stream's own types. */
export interface ResumableEventSourceEventMap {
  open: Event;
  message: MessageEvent<string>;
  error: StreamErrorEvent;
}

type SourceHandler<K extends keyof ResumableEventSourceEventMap> =
  ((this: ResumableEventSource, event: ResumableEventSourceEventMap[K]) => unknown) | null;

/**
 * An `EventSource` with what the platform's lacks: methods, headers and bodies, an id to start from, a heartbeat timeout, and errors that tell
 * whether they are the end. Without options it does what the standard says.
 */
export class ResumableEventSource extends EventTarget {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSED: 2;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSED: 2;
  declare onopen: SourceHandler<"open">;
  declare onmessage: SourceHandler<"message">;
  declare onerror: SourceHandler<"error">;

  static {
    constants(this, { CONNECTING: 0, OPEN: 1, CLOSED: 2 });
    handlers(this.prototype, ["open", "message", "error"]);
  }

  #inner: Source | undefined;
  #over = false;
  #paused = false;
  #startId: string;
  #url: string;
  #withCredentials: boolean;

  /**
   * Asks for the stream.
   * @throws a `SyntaxError` for what is no URL.
   */
  constructor(url: string | URL, options: ResumableEventSourceOptions = {}) {
    super();
    required(arguments);
    this.#url = absolute(url).href;
    const { withCredentials, headers, lastEventId = "" } = options;
    this.#withCredentials = Boolean(withCredentials);
    this.#startId = lastEventId;
    void this.#start({ ...options, headers: new Headers(headers), lastEventId });
  }

  /** The absolute URL. */
  get url(): string { return this.#url; }
  get withCredentials(): boolean { return this.#withCredentials; }
  get readyState(): 0 | 1 | 2 { return this.#over ? 2 : (this.#inner?.readyState ?? 0) as 0 | 1 | 2; }

  /** Where it goes on from: the id of the last event that had one. */
  get lastEventId(): string { return this.#inner?.lastEventId ?? this.#startId; }

  /** Closes for good. No event follows. */
  close(): void {
    this.#over = true;
    this.#inner?.close();
  }

  /** Gives up the stream, or the wait for one, and asks for it again at once, from where it is. */
  reconnect(): void { this.#inner?.reconnect(); }

  /** Reads nothing more until {@link resume}: the server is told to wait by the network itself. */
  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }

  override addEventListener<K extends keyof ResumableEventSourceEventMap>(type: K, listener: (this: ResumableEventSource, event: ResumableEventSourceEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: (this: ResumableEventSource, event: MessageEvent<string>) => unknown, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  async #start(options: SourceOptions): Promise<void> {
    try {
      const { module } = await persistently(() => !this.#over);
      if (this.#over) return;
      this.#inner = new Source(module, this.url, options, this.#tell);
      if (this.#paused) this.#inner.pause();
    } catch {
      if (this.#over) return;
      this.#over = true;
      this.dispatchEvent(Object.assign(new Event("error"), { kind: "load", fatal: true }));
    }
  }

  #tell = (event: Event): void => {
    // It may have been closed by a listener of what came just before.
    if (!this.#over) this.dispatchEvent(event);
  };
}
