// One topic's events between the module and the face: they wait here, and are handed over in batches, as many as are wanted. Knows no transport.

import type { RawEvent } from "../delivery.js";
import type { Loaded, Position } from "../types.js";
import { Queue, type Entry, type Taken } from "./queue.js";
import { Input } from "./records.js";
import { Hook, type Told } from "./snapshot.js";
import type { Tell } from "./links.js";

/** Takes a batch, and says whether to go on. An empty one is the end. */
export type Callback = (batch: RawEvent<unknown>[]) => boolean;

/** How to subscribe. */
export interface Options {
  readonly conflate?: boolean;
  readonly snapshot?: (position: Position) => Loaded<unknown> | Promise<Loaded<unknown>>;
}

/**
 * So much that was taken is reported at once: each report is a call. It is far below what the session lets wait, of which the half has to be left when it
 * goes on (`FlowConfig` in `sdk/core/src/config.rs`): so it never waits for a report that does not come.
 */
const MANY: Taken = { messages: 50, bytes: 256 * 1024 };

/** @internal */
export class Subscription {
  /** Its number in the module. */
  id = 0;
  #queue: Queue;
  #hook: Hook<unknown> | undefined;
  /** What the hook tells. */
  #told: Told<unknown>[] = [];
  #ended = false;
  /** Nothing is handed over any more. */
  #closed = false;
  /** What was taken, and is not reported yet. */
  #taken: Taken = { messages: 0, bytes: 0 };
  /** The callback wants nothing for now. */
  #held = false;
  #woken = false;

  constructor(private readonly tell: Tell, private readonly callback: Callback, { conflate, snapshot }: Options) {
    this.#queue = new Queue(Boolean(conflate));
    this.#hook = snapshot && new Hook(snapshot, told => {
      this.#told.push(told);
      this.#wake();
    });
  }

  get conflated(): number { return this.#queue.conflated; }

  /** An event came. Returns what gave way to it, to count as taken. */
  push(entry: Entry): Taken | undefined {
    if (entry.type === "failed") this.#ended = true;
    const gone = this.#queue.push(entry);
    this.#wake();
    return gone;
  }

  /** Lets nothing more in; what waits can still be taken. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  pause(): void { this.tell(Input.Pause, this.id); }

  resume(): void { this.tell(Input.Resume, this.id); }

  /** Asks for more, after the callback has returned `false`. */
  more(): void {
    this.#held = false;
    this.#wake();
  }

  /** Unsubscribes: the callback is not called any more. */
  close(): void {
    this.#closed = true;
    this.#hook?.stop();
    this.tell(Input.Unsubscribe, this.id);
  }

  free(): void {}

  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    queueMicrotask(() => {
      this.#woken = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#closed && !this.#held) {
      const batch = this.#take();
      const over = !batch.length;
      if (over && !(this.#ended && this.#queue.empty)) return;
      this.#closed ||= over;
      this.#held = this.callback(batch) === false;
    }
  }

  /** All that there is to tell now. */
  #take(): RawEvent<unknown>[] {
    if (this.#ended && this.#hook?.asked) {
      // Nothing will be built on its state.
      this.#hook.stop();
      this.#hook = undefined;
      this.#queue.dropMessages();
    }
    const hook = this.#hook;
    const batch: RawEvent<unknown>[] = this.#told.splice(0);
    const taken = this.#taken;
    for (let entry; !hook?.asked && (entry = this.#queue.shift());) {
      switch (entry.type) {
        case "messages": {
          taken.messages += entry.left;
          taken.bytes += entry.rest;
          const { first, count, epoch } = entry;
          const known = hook ? hook.floor(epoch) - first + 1 : 0;
          for (let index = 0; index < known && index < count; index++) (entry.out ??= new Set<number>()).add(index);
          if (entry.out?.size === count) continue;
          break;
        }
        case "subscribed": hook?.subscribed(entry.position); break;
        case "gap": hook?.begin(entry.position); break;
      }
      batch.push(entry);
    }
    if (taken.messages >= MANY.messages || taken.bytes >= MANY.bytes) {
      this.#taken = { messages: 0, bytes: 0 };
      this.tell(Input.Consumed, this.id, taken.messages, taken.bytes);
    }
    return batch;
  }
}
