// How what the module hands over becomes events. It hands over whole batches, and a run of messages in columns: their texts are one
// string, cut where `ends` says. So a message here is a small object that knows its place in its run, and its payload is
// parsed when somebody wants it. Knows no subscription. (`sdk/js/src/events.rs` and `sdk/js-client/src/columns.rs` are the other half.)

import { EverwireError, typed } from "./error.js";
import type { Failed, Position, SubscriptionEvent } from "./types.js";

/** A run of messages of one epoch with contiguous offsets. @internal */
export interface Run {
  readonly type: "messages";
  readonly count: number;
  readonly first: number;
  readonly epoch: string;
  readonly times: Float64Array;
  /** 0 JSON, 1 text, 2 bytes; left out where all are JSON. */
  readonly kinds?: Uint8Array | undefined;
  /** The payloads (those that are no bytes) in brackets, with `mark` between them. */
  readonly text: string;
  /** Where each of them ends. */
  readonly ends: ArrayLike<number>;
  /** A number, with a comma on each side. */
  readonly mark: string;
  /** For each message its key, subject and id, end to end, if any message has any. */
  readonly about?: string | undefined;
  /** Where each of those ends. What is absent is empty. */
  readonly aboutEnds?: ArrayLike<number> | undefined;
  /** Payloads that are bytes, at their message's index. */
  readonly bytes?: readonly Uint8Array[];
  /** All payloads, parsed at once when the first was asked for: those that are still to be asked for. Null where that can't be done. */
  values?: unknown[] | null;
  /** Messages that are not to be told, by their place in the run. */
  out?: Set<number>;
}

interface RawEphemeral {
  readonly type: "ephemeral";
  readonly time: number;
  readonly from?: string;
  readonly kind: number;
  readonly text?: string;
  readonly bytes?: Uint8Array;
}

/** An event as the module hands it over. @internal */
export type RawEvent<S> = Run | RawEphemeral | Exclude<SubscriptionEvent<never, S>, { type: "message" | "ephemeral" }>;

const UNPARSED = Symbol();

/** A message of a topic. `data` is parsed when it is first read, and never when it is not. */
export class Message<T> {
  /** @internal */
  constructor(private readonly run: Run, private readonly index: number) {}

  private parsed: unknown = UNPARSED;

  get type(): "message" { return "message"; }

  /**
   * Its payload: what JSON says, a string of a text, a `Uint8Array` of bytes.
   * @throws an {@link EverwireError} with the code `decode` when it is no JSON although its publisher said so.
   */
  get data(): T {
    if (this.parsed === UNPARSED) this.parsed = value(this.run, this.index, this);
    return this.parsed as T;
  }

  /** Its payload as it came: JSON is not parsed. Empty for bytes. */
  get text(): string {
    const { text, ends, mark } = this.run;
    return text.slice(this.index ? ends[this.index - 1]! + mark.length : 1, ends[this.index]);
  }

  /** Its payload where that is bytes. */
  get bytes(): Uint8Array | undefined { return this.run.bytes?.[this.index]; }

  /** Its place in the topic's log. */
  get offset(): number { return this.run.first + this.index; }

  /** The life of the log that the offset belongs to. */
  get epoch(): string { return this.run.epoch; }

  /** Both, as text: good to go on from. */
  get position(): Position { return `${this.epoch}-${this.offset}`; }

  /** When the server took it in, in milliseconds since the Unix epoch. */
  get time(): number { return this.run.times[this.index]!; }

  /** What it is about, where its publisher said so. */
  get key(): string | undefined { return this.about(0) || undefined; }

  /** Its publisher's subject, where the server knows one. */
  get from(): string | undefined { return this.about(1) || undefined; }

  /** The id that it was published with: that of the publish's promise. */
  get id(): string | undefined { return this.about(2) || undefined; }

  /** Its key, subject or id. */
  private about(piece: number): string | undefined {
    const { about, aboutEnds } = this.run;
    const place = 3 * this.index + piece;
    return about?.slice(place && aboutEnds![place - 1], aboutEnds![place]);
  }
}

/** A message's payload: together with those of all its run where they are JSON, else by itself. */
function value(run: Run, index: number, message: Message<unknown>): unknown {
  if (run.values === undefined) run.values = run.kinds ? null : parsed(run);
  if (!run.values) return decode(run.kinds?.[index] ?? 0, message.text, message.bytes);
  const place = 2 * index;
  const value = run.values[place];
  // Who keeps one message does not keep them all.
  run.values[place] = undefined;
  return value;
}

/**
 * A run's text as one array: payloads, and a mark after each but the last. Null unless every mark is where it belongs, as
 * it is not when something among the payloads is no JSON: nobody who publishes knows the mark, so nothing can stand for one
 * that went into a string or an array.
 */
function parsed({ text, mark, count }: Run): unknown[] | null {
  let all: unknown[];
  try {
    all = JSON.parse(text);
  } catch {
    return null;
  }
  if (all.length !== 2 * count - 1) return null;
  const number = +mark.slice(1, -1);
  for (let place = 1; place < all.length; place += 2) if (all[place] !== number) return null;
  return all;
}

function decode(kind: number, text: string | undefined, bytes: Uint8Array | undefined): unknown {
  if (kind) return kind === 1 ? text : bytes;
  try {
    return JSON.parse(text!);
  } catch (cause) {
    throw new EverwireError("the payload is not JSON", "decode", false, { cause });
  }
}

/** The same lazily for a message that is not logged. */
const ephemeral = ({ kind, text, bytes, ...rest }: RawEphemeral) => ({
  ...rest,
  get data(): unknown {
    const value = decode(kind, text, bytes);
    Object.defineProperty(this, "data", { value, enumerable: true });
    return value;
  },
});

/** All messages of a run that are to be told. @internal */
export function messages<T>(run: Run): Message<T>[] {
  const all = new Array<Message<T>>(run.count);
  for (let index = 0; index < run.count; index++) all[index] = new Message<T>(run, index);
  return run.out ? all.filter((_, index) => !run.out!.has(index)) : all;
}

/** All events of a batch. @internal */
export function events<T, S>(batch: readonly RawEvent<S>[]): SubscriptionEvent<T, S>[] {
  if (batch.length === 1 && batch[0]!.type === "messages") return messages(batch[0] as Run);
  return batch.flatMap((event): SubscriptionEvent<T, S> | SubscriptionEvent<T, S>[] => {
    switch (event.type) {
      case "messages": return messages<T>(event);
      case "ephemeral": return ephemeral(event) as SubscriptionEvent<T, S>;
      case "failed": return { type: "failed", error: typed(event.error) } as Failed;
      default: return event;
    }
  });
}

/** An event for who listens by `addEventListener`: the same properties, on an `Event`. @internal */
export function dispatchable(event: { readonly type: string }): Event {
  return event instanceof Message ? new Dispatched(event) : withFields(event);
}

/** An `Event` with further properties. @internal */
export function withFields({ type, ...fields }: { readonly type: string }): Event {
  return Object.assign(new Event(type), fields);
}

const FIELDS = ["data", "text", "bytes", "offset", "epoch", "position", "time", "key", "from", "id"] as const;

class Dispatched extends Event {
  static {
    for (const name of FIELDS)
      Object.defineProperty(this.prototype, name, { get(this: Dispatched) { return this.message[name]; } });
  }

  constructor(private readonly message: Message<unknown>) {
    super("message");
  }
}
