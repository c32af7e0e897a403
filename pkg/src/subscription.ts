// One topic's events, as the app holds them: iterated, by callbacks, or by listeners. It decides who is given what, and asks
// the module for no more than is taken, so that flow control reaches from the app's loop to the server. Knows no transport.

import type { Client } from "./client.js";
import { dispatchable, events, type RawEvent } from "./delivery.js";
import { asyncDispose, dispose } from "./dispose.js";
import type { EventName, EventOf, HistoryOptions, Member, Page, SubscriptionEvent } from "./types.js";
import type * as glue from "everwire-glue";

/** An event for who listens by `addEventListener`. */
export type Listened<K extends EventName, T, S = never> = Event & Omit<EventOf<K, T, S>, "type"> & { readonly type: K };

/** A listener of one type of event. */
export type Listener<K extends EventName, T, S = never> =
  | ((event: Listened<K, T, S>) => void)
  | { handleEvent(event: Listened<K, T, S>): void };

type Handler<K extends EventName, T, S> = ((event: EventOf<K, T, S>) => void) | null;

/**
 * A subscription to a topic. Made by {@link Client.subscribe}.
 *
 * Take its events in one of three ways: by `for await`, one by one or in {@link batches}; by callbacks such as
 * {@link onmessage}; by `addEventListener`. Nothing is taken before one of them is used. A loop that is slow is waited for: what
 * comes meanwhile stays here up to a limit (1,000 messages or 4 MiB), and beyond that at the server, and nothing is lost.
 * While somebody iterates, callbacks and listeners are called for what the loop takes.
 *
 * Leaving a `for await` loop closes it.
 */
export class Subscription<T = unknown, S = never> extends EventTarget implements AsyncIterable<SubscriptionEvent<T, S>> {
  /** Called with each message. */
  get onmessage() { return this.#handler("message"); }
  set onmessage(handler: Handler<"message", T, S>) { this.#handle("message", handler); }
  /** Called when messages were lost for good. */
  get ongap() { return this.#handler("gap"); }
  set ongap(handler: Handler<"gap", T, S>) { this.#handle("gap", handler); }
  /** Called with each message that is not logged. */
  get onephemeral() { return this.#handler("ephemeral"); }
  set onephemeral(handler: Handler<"ephemeral", T, S>) { this.#handle("ephemeral", handler); }
  /** Called with who is there; only with `presence`. */
  get onmembers() { return this.#handler("members"); }
  set onmembers(handler: Handler<"members", T, S>) { this.#handle("members", handler); }
  /** Called when somebody came. */
  get onjoin() { return this.#handler("join"); }
  set onjoin(handler: Handler<"join", T, S>) { this.#handle("join", handler); }
  /** Called when somebody went. */
  get onleave() { return this.#handler("leave"); }
  set onleave(handler: Handler<"leave", T, S>) { this.#handle("leave", handler); }
  /** Called when it stands, for the first time or again. */
  get onsubscribed() { return this.#handler("subscribed"); }
  set onsubscribed(handler: Handler<"subscribed", T, S>) { this.#handle("subscribed", handler); }
  /** Called with what the snapshot loaded. */
  get onsnapshot() { return this.#handler("snapshot"); }
  set onsnapshot(handler: Handler<"snapshot", T, S>) { this.#handle("snapshot", handler); }
  /** Called when the snapshot failed. */
  get onsnapshotfailed() { return this.#handler("snapshotfailed"); }
  set onsnapshotfailed(handler: Handler<"snapshotfailed", T, S>) { this.#handle("snapshotfailed", handler); }
  /** Called when it has ended for good. */
  get onfailed() { return this.#handler("failed"); }
  set onfailed(handler: Handler<"failed", T, S>) { this.#handle("failed", handler); }

  #handlers = new Map<string, (event: never) => void>();
  /** Types that somebody listens to. */
  #listened = new Set<string>();
  #inner: glue.Subscription | undefined;
  /** Events that the module has handed over and nobody has taken; the first of them at `#next`. */
  #waiting: SubscriptionEvent<T, S>[] = [];
  #next = 0;
  /** Who waits for events, in turn. */
  #takers: (() => void)[] = [];
  #iterators = 0;
  /** Somebody takes what comes as it comes. */
  #flows = false;
  /** The module waits to be asked. */
  #held = false;
  #paused = false;
  #ended = false;

  /** @internal */
  constructor(readonly client: Client, readonly topic: string, private readonly forget: (me: Subscription<T, S>) => void) {
    super();
  }

  /** Stops the messages until {@link resume}: what comes meanwhile stays at the server. */
  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }

  /** Goes on from where it was paused. */
  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }

  /** Whether it is over: closed, or failed. What was handed over before can still be taken. */
  get closed(): boolean { return this.#ended; }

  /** How many messages gave way to newer ones of their key. */
  get conflated(): number { return this.#inner?.conflated ?? 0; }

  /** Who is on the topic now. */
  presence(): Promise<readonly Member[]> { return this.client.presence(this.topic); }

  /** A page of the topic's history. */
  history(options?: HistoryOptions): Promise<Page<T>> { return this.client.history<T>(this.topic, options); }

  /** Unsubscribes. Nothing is told after this. */
  close(): void {
    this.#empty();
    this.#end();
  }

  /** {@link close}, for `using`. */
  [dispose](): void { this.close(); }

  /** {@link close}, for `await using`. */
  async [asyncDispose](): Promise<void> { this.close(); }

  /** Its events, one by one. Ends when it does. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SubscriptionEvent<T, S>, undefined> {
    return this.#iterate(() => this.#told(this.#shift()));
  }

  /** Its events in batches: all that wait, each time. For user interfaces, which render once for a batch. */
  batches(): AsyncIterableIterator<SubscriptionEvent<T, S>[], undefined> {
    return this.#iterate(() => {
      const batch = this.#waiting.slice(this.#next);
      this.#empty();
      for (const event of batch) this.#told(event);
      return batch;
    });
  }

  override addEventListener<K extends EventName>(type: K, listener: Listener<K, T, S> | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options);
    this.#listened.add(type);
    this.#flow();
  }

  override removeEventListener<K extends EventName>(type: K, listener: Listener<K, T, S> | null, options?: boolean | EventListenerOptions): void;
  override removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
  override removeEventListener(type: string, listener: unknown, options?: boolean | EventListenerOptions): void {
    super.removeEventListener(type, listener as EventListener, options);
  }

  /** It stands in the module, or could not be made there. @internal */
  _attach(open: (take: (batch: RawEvent<S>[]) => boolean) => glue.Subscription): void {
    if (this.#ended) return;
    this.#inner = open(batch => this.#take(batch));
    if (this.#paused) this.#inner.pause();
  }

  /** @internal */
  _fail(event: SubscriptionEvent<T, S>): void {
    this.#put([event]);
    this.#end();
  }

  /** Takes a batch in, and says whether to go on. */
  #take(batch: RawEvent<S>[]): boolean {
    if (batch.length) this.#put(events(batch));
    else this.#end();
    this.#held = !this.#wants();
    return !this.#held;
  }

  #put(batch: SubscriptionEvent<T, S>[]): void {
    this.#waiting = this.#waiting.length ? this.#waiting.slice(this.#next).concat(batch) : batch;
    this.#next = 0;
    this.#serve();
  }

  /** Whether all that came is taken, and somebody wants more. */
  #wants(): boolean {
    return this.#next === this.#waiting.length && (this.#takers.length > 0 || (this.#flows && !this.#iterators));
  }

  /** Gives what waits to who waits for it. */
  #serve(): void {
    while (this.#takers.length && (this.#ended || this.#next < this.#waiting.length)) this.#takers.shift()!();
    if (this.#flows && !this.#iterators) while (this.#next < this.#waiting.length) this.#told(this.#shift());
  }

  /** Takes the next event. What is taken is not kept until others come: a batch may be large. */
  #shift(): SubscriptionEvent<T, S> {
    const event = this.#waiting[this.#next++]!;
    if (this.#next === this.#waiting.length) this.#empty();
    return event;
  }

  #empty(): void {
    this.#waiting = [];
    this.#next = 0;
  }

  #ask(): void {
    if (this.#held && this.#wants()) {
      this.#held = false;
      this.#inner?.more();
    }
  }

  /** From now on what comes is taken as it comes: later than this, so that all handlers can be set first. */
  #flow(): void {
    if (this.#flows) return;
    this.#flows = true;
    queueMicrotask(() => {
      this.#serve();
      this.#ask();
    });
  }

  #handler<K extends EventName>(type: K): Handler<K, T, S> {
    return (this.#handlers.get(type) as Handler<K, T, S> | undefined) ?? null;
  }

  #handle(type: EventName, handler: ((event: never) => void) | null): void {
    if (handler) {
      this.#handlers.set(type, handler);
      this.#flow();
    } else this.#handlers.delete(type);
  }

  /** Tells handlers and listeners. One that throws is seen, and harms no other. */
  #told(event: SubscriptionEvent<T, S>): SubscriptionEvent<T, S> {
    const handler = this.#handlers.get(event.type);
    if (handler) {
      try {
        handler.call(this, event as never);
      } catch (error) {
        queueMicrotask(() => { throw error; });
      }
    }
    if (this.#listened.has(event.type)) this.dispatchEvent(dispatchable(event));
    return event;
  }

  #iterate<V>(take: () => V): AsyncIterableIterator<V, undefined> {
    this.#iterators++;
    let done = false;
    const finish = (): IteratorReturnResult<undefined> => {
      if (!done) this.#iterators--;
      done = true;
      return { value: undefined, done };
    };
    const step = (): IteratorResult<V, undefined> =>
      done || this.#next === this.#waiting.length ? finish() : { value: take(), done: false };
    return {
      next: async () => {
        if (done || this.#ended || (this.#next < this.#waiting.length && !this.#takers.length)) return step();
        return new Promise(resolve => {
          this.#takers.push(() => resolve(step()));
          this.#ask();
        });
      },
      return: async () => {
        const result = finish();
        this.close();
        return result;
      },
      [Symbol.asyncIterator]() { return this; },
    };
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const inner = this.#inner;
    this.#inner = undefined;
    inner?.close();
    inner?.free();
    this.forget(this);
    this.#serve();
  }
}
