// The client as the app holds it. It works before the module has loaded: what is asked meanwhile waits, in order. What it decides is
// decided in the module; here JavaScript's words become the module's, and back.

import { withFields, messages, type Run } from "./delivery.js";
import { asyncDispose, dispose } from "./dispose.js";
import { EverwireError, typed } from "./error.js";
import { persistently } from "./module.js";
import { Subscription } from "./subscription.js";
import type {
  ClientOptions, HistoryOptions, Member, Page, Position, PublishOptions, Publishing, Restored, State, Stats, Status, SubscribeOptions,
  Transport,
} from "./types.js";
import type * as glue from "everwire-glue";
import { isFull } from "everwire-wasm";

/** Told at each change of the connection. Has all that {@link Status} has. */
export type StateEvent = Event & Status;

/** What a client tells. */
export interface ClientEventMap {
  state: StateEvent;
  /** What became of a publish that an earlier page left; only with `persist`. */
  restored: Event & Restored;
  /** Publishes can't be kept; only with `persist`. */
  unpersisted: Event & { readonly message: "unavailable" | "timed_out" | "refused" };
}

/** A listener of what a client tells. */
export type ClientListener<K extends keyof ClientEventMap> =
  | ((event: ClientEventMap[K]) => void)
  | { handleEvent(event: ClientEventMap[K]): void };

/** Before the module has loaded nothing has been counted. */
const NOTHING: Stats = {
  bytesReceived: 0, bytesSent: 0, messagesReceived: 0, published: 0, acked: 0, rejected: 0, expired: 0, reconnects: 0, failedAttempts: 0,
  resumes: 0, gaps: 0, repeats: 0, stale: 0, malformed: 0, pauses: 0, conflated: 0, outboxMessages: 0, outboxBytes: 0, blocked: [],
};

/**
 * A connection to an Everwire server that comes back by itself.
 *
 * ```ts
 * const client = new Client("https://example.com");
 * const room = client.subscribe<Chat>("room:general", { from: { last: 50 } });
 * for await (const event of room) if (event.type === "message") show(event.data);
 * ```
 *
 * Lives until {@link close}, or the end of the page.
 */
export class Client extends EventTarget {
  /** Called at each change of the connection. */
  onstate: ((event: StateEvent) => void) | null = null;

  #inner: glue.Client | undefined;
  /** What was asked before the module had loaded, in order. */
  #asked: { run(inner: glue.Client): void; reject(error: unknown): void }[] = [];
  #status: Status = { state: "connecting", reason: "asked", attempt: 0 };
  #stats = NOTHING;
  #subscriptions = new Set<{ close(): void }>();

  /**
   * Starts connecting to the server at `url`: `https://example.com`, with or without a path before `/v1`; `""` or a path alone
   * stand for the page's own origin.
   * @throws an {@link EverwireError} with the code `bad_option` when an option needs another entry.
   */
  constructor(url: string | URL = "", options: ClientOptions = {}) {
    super();
    const { signal, ...given } = options;
    if (!isFull) {
      for (const name of ["shareTabs", "persist", "debug"] as const)
        if (given[name]) throw new EverwireError(`the option \`${name}\` needs the entry "everwire/full"`, "bad_option", false);
    }
    void this.#load(String(url), given);
    if (signal?.aborted) this.close();
    else signal?.addEventListener("abort", () => this.close(), { once: true });
  }

  async #load(url: string, options: object): Promise<void> {
    try {
      const module = await persistently((attempt, wait) => {
        this.#tell({ state: "waiting", reason: "load", attempt, retryAt: performance.now() + wait });
        return this.#status.state !== "closed";
      });
      if (this.#status.state === "closed") return;
      const inner = new module.Client(url, options);
      for (const { run } of this.#asked.splice(0)) run(inner);
      this.#inner = inner;
      inner.onstate(status => this.#tell(status as Status));
      inner.onrestored?.(({ type, error, ...rest }) => {
        this.dispatchEvent(withFields({ type, ...rest, ...error ? { error: typed(error) } : {} }));
      });
    } catch (cause) {
      const { message, code } = cause as EverwireError;
      this.#end("load", code ? typed(cause) : new EverwireError(`the module could not be loaded: ${message}`, "load", true, { cause }));
    }
  }

  /** What the connection is doing, in a word. */
  get state(): State { return this.#status.state; }

  /** What the connection is doing, and why. */
  get status(): Status { return this.#status; }

  /** What has happened so far, in numbers. */
  stats(): Stats { return this.#inner ? this.#inner.stats() as Stats : this.#stats; }

  /**
   * Subscribes to a topic; `T` is what its messages hold, `S` what its snapshot loads. What goes wrong is told by a `failed` event. Several
   * subscriptions to one topic share one at the server.
   */
  subscribe<T = unknown, S = never>(topic: string, options: SubscribeOptions<S> = {}): Subscription<T, S> {
    const { signal, from, ...rest } = options;
    const subscription = new Subscription<T, S>(this, topic, me => this.#subscriptions.delete(me));
    this.#subscriptions.add(subscription);
    const given = { ...rest, from: typeof from === "object" ? `last:${from.last}` : from };
    const open = (inner: glue.Client) => subscription._attach(take => inner.subscribe(topic, given, take));
    this.#do(open).catch(error => subscription._fail({ type: "failed", error: error as EverwireError }));
    if (signal?.aborted) subscription.close();
    else signal?.addEventListener("abort", () => subscription.close(), { once: true });
    return subscription;
  }

  /**
   * Publishes: buffers as bytes, everything else as JSON, a string as it is with `kind: "text"`. The promise is fulfilled when the server has
   * it, now or after any number of reconnects, and the message takes effect once.
   */
  publish<T = unknown>(topic: string, data: T, options: PublishOptions & { readonly ephemeral: true }): Publishing<undefined>;
  publish<T = unknown>(topic: string, data: T, options?: PublishOptions): Publishing;
  publish(topic: string, data: unknown, options?: PublishOptions): Publishing<Position | undefined> {
    let id: string | undefined;
    let value = bytes(data) ?? data;
    let refused: unknown;
    try {
      // What waits is what was given, whatever is done with that since.
      if (!this.#inner) value = snapshot(value, options);
    } catch (error) {
      refused = error;
    }
    const sent = this.#do(inner => {
      if (refused) throw refused;
      const promise = inner.publish(topic, value, options);
      id = promise.id;
      return promise as Promise<Position | undefined>;
    });
    return Object.assign(sent, { id });
  }

  /** A page of a topic's history, without subscribing. */
  async history<T = unknown>(topic: string, options?: HistoryOptions): Promise<Page<T>> {
    const page = await this.#do(inner => inner.history(topic, options)) as { messages: Run; more: boolean };
    return { messages: messages<T>(page.messages), more: page.more };
  }

  /** Who is on a topic, without subscribing. */
  presence(topic: string): Promise<readonly Member[]> {
    return this.#do(inner => inner.presence(topic)) as Promise<readonly Member[]>;
  }

  /** Uses these transports from now on, the preferred one first. Nothing is lost or repeated by that. */
  setTransports(transports: readonly Exclude<Transport, "tab">[]): void {
    this.#when(inner => inner.setTransports(transports));
  }

  /** Cuts the connection, and lets it come back: to try out what happens then. */
  cut(): void { this.#when(inner => inner.cut()); }

  /** Behaves as if the network were away, until called with `false`: to try out what happens then. */
  goOffline(offline = true): void { this.#when(inner => inner.goOffline(offline)); }

  /**
   * Ends everything, for good. What waits is rejected: publishes that were sent with the code `expired`, since nobody knows what became of
   * them, questions under way with `unavailable`, and what was not sent, or is asked after this, with `closed`.
   */
  close(): void { this.#end("asked", closed()); }

  /** {@link close}, for `using`. */
  [dispose](): void { this.close(); }

  /** {@link close}, for `await using`. */
  async [asyncDispose](): Promise<void> { this.close(); }

  override addEventListener<K extends keyof ClientEventMap>(type: K, listener: ClientListener<K> | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  override removeEventListener<K extends keyof ClientEventMap>(type: K, listener: ClientListener<K> | null, options?: boolean | EventListenerOptions): void;
  override removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
  override removeEventListener(type: string, listener: unknown, options?: boolean | EventListenerOptions): void {
    super.removeEventListener(type, listener as EventListener, options);
  }

  /** Does something that nobody waits for. */
  #when(act: (inner: glue.Client) => void): void {
    // A client that is closed has nothing to do.
    this.#do(act).catch(error => { if (error.code !== "closed") throw error; });
  }

  /** Now, or when the module has loaded. */
  #do<R>(act: (inner: glue.Client) => R | Promise<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const run = (inner: glue.Client) => {
        try {
          resolve(act(inner));
        } catch (error) {
          reject(error);
        }
      };
      if (this.#inner) run(this.#inner);
      else if (this.#status.state === "closed") reject(closed());
      else this.#asked.push({ run, reject });
    }).catch(error => { throw typed(error); });
  }

  #end(reason: Status["reason"], error: unknown): void {
    const inner = this.#inner;
    this.#inner = undefined;
    if (inner) {
      inner.close();
      this.#stats = inner.stats() as Stats;
      inner.free();
    }
    this.#tell({ state: "closed", reason, attempt: 0 });
    for (const { reject } of this.#asked.splice(0)) reject(error);
    for (const subscription of this.#subscriptions) subscription.close();
  }

  #tell(status: Status): void {
    if (this.#status.state === "closed") return;
    const { retryAt } = status as { retryAt?: number };
    this.#status = retryAt === undefined ? status : { ...status, retryIn: Math.max(0, retryAt - performance.now()) } as Status;
    const event = Object.assign(new Event("state"), this.#status);
    try {
      this.onstate?.(event);
    } catch (error) {
      queueMicrotask(() => { throw error; });
    }
    this.dispatchEvent(event);
  }
}

const closed = () => new EverwireError("the client is closed", "closed", false);

/** Any buffer as the bytes that it is. */
function bytes(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined;
}

function snapshot(value: unknown, options?: PublishOptions): unknown {
  if (value instanceof Uint8Array) return value.slice();
  if (options?.kind === "text") return value;
  const json = JSON.stringify(value);
  if (json === undefined) throw new EverwireError("not a JSON value", "encode", false);
  return JSON.parse(json);
}
