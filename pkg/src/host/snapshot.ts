// The snapshot hook: loads state from elsewhere without a race. The position comes first and the data after it, so what the data lacks is still
// to come; messages wait until it is there, and those that it has in it are left out. Knows neither the client nor the queue.

import type { Loaded, Position } from "../types.js";

/** What it tells. */
export type Told<S> =
  | { readonly type: "snapshot"; readonly state: S }
  | { readonly type: "snapshotfailed"; readonly message: string; readonly attempt: number; readonly retryIn: number };

/** How long the hook may take before it counts as failed. */
const DEADLINE = 30_000;
/** The first retry comes within this; it is doubled with each failure. */
const BASE = 500;
/** No retry waits longer. */
const MAX = 20_000;

/** A hook and where it stands. */
export class Hook<S> {
  /** Messages wait for its answer. */
  asked = false;
  #position: Position | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(private readonly load: (position: Position) => Loaded<S> | Promise<Loaded<S>>, private readonly tell: (told: Told<S>) => void) {}

  /** The topic begins: the first time it asks, and after that it is known where to go on. */
  subscribed(position: Position): void {
    if (!this.#position) this.begin(position);
  }

  /** Something was lost: what the app has is no longer true. */
  begin(position: Position): void {
    this.#position = position;
    this.#failures = 0;
    void this.#ask();
  }

  /** Up to which offset of an epoch messages are in the snapshot. */
  floor(epoch: string): number {
    const [floor, offset] = split(this.#position);
    return floor === epoch ? offset : 0;
  }

  /** Tells nothing any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    this.asked = true;
    try {
      const late = new Promise<never>((_, reject) => {
        this.#timer = setTimeout(() => reject(new Error("the snapshot took too long")), DEADLINE);
      });
      // Later than this, since it may call into the subscription that asks.
      const loaded = await Promise.race([Promise.resolve(this.#position!).then(this.load), late]);
      if (this.#stopped) return;
      this.#loaded(loaded);
    } catch (error) {
      if (this.#stopped) return;
      this.#failed(error);
    }
  }

  #loaded(loaded: Loaded<S> | undefined): void {
    clearTimeout(this.#timer);
    this.asked = false;
    // Positions of different epochs can't be compared; what was lost between them is told by a gap, which asks again.
    const [[asked, from], [epoch, offset]] = [split(this.#position), split(loaded?.position)];
    if (epoch === asked && offset > from) this.#position = loaded!.position;
    this.tell({ type: "snapshot", state: loaded?.state as S });
  }

  #failed(error: unknown): void {
    clearTimeout(this.#timer);
    const message = (error as Error | undefined)?.message;
    // Full jitter: clients that lost the same source don't come back to it together.
    const retryIn = Math.floor(Math.random() * (Math.min(MAX, BASE * 2 ** this.#failures++) + 1));
    this.#timer = setTimeout(() => void this.#ask(), retryIn);
    this.tell({ type: "snapshotfailed", message: typeof message === "string" ? message : "the snapshot failed", attempt: this.#failures, retryIn });
  }
}

/** What is no position is one of no epoch. */
function split(position: unknown): [epoch: string, offset: number] {
  const [, epoch = "", offset] = /^(\w+)-(\d+)$/.exec(String(position)) ?? [];
  return [epoch, Number(offset)];
}
