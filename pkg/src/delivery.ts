// How what the module hands over becomes events. It hands over whole batches, and a run of messages in columns: their texts are one
// string, cut where columns of numbers say. So a message here is a small object that knows its place in its run, and its payload is
// parsed when somebody wants it. Knows no subscription. (`sdk/js/src/events.rs` and `sdk/js-client/src/columns.rs` are the other half.)

import { EverwireError, typed } from "./error.js";
import type { Failed, Position, SubscriptionEvent } from "./types.js";

/** A run of messages of one epoch with contiguous offsets. @internal */
export interface Run {
  readonly type: "messages";
  readonly count: number;
  readonly first: number;
  readonly epoch: string;
  /**
   * Columns, one behind the other: times; where in the text each payload ends; and, where `about`, where its key ends, its subject, and its id.
   */
  readonly numbers: ArrayLike<number>;
  /** The payloads as a JSON array has them, those that are bytes left out; then, end to end, keys, subjects and ids, those that are absent left out. */
  readonly text: string;
  /** Whether any message has a key, a subject or an id. */
  readonly about: boolean;
  /** 0 JSON, 1 text, 2 bytes; left out where all are JSON. */
  readonly kinds?: Uint8Array | undefined;
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
    const { run, index } = this;
    return run.text.slice(1 + (index && end(run, 1, index - 1)), end(run, 1, index));
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
  get time(): number { return this.run.numbers[this.index]!; }

  /** What it is about, where its publisher said so. */
  get key(): string | undefined { return this.about(2); }

  /** Its publisher's subject, where the server knows one. */
  get from(): string | undefined { return this.about(3); }

  /** The id that it was published with: that of the publish's promise. */
  get id(): string | undefined { return this.about(4); }

  /** Its key, subject or id: what ends where that column says, and begins where the one before ends. */
  private about(column: number): string | undefined {
    const { run, index } = this;
    if (!run.about) return;
    const start = column > 2 ? end(run, column - 1, index) : index ? end(run, 4, index - 1) : jsonEnd(run);
    return run.text.slice(start, end(run, column, index)) || undefined;
  }
}

const end = ({ numbers, count }: Run, column: number, index: number) => numbers[column * count + index]!;

/** Where the array of payloads ends. */
const jsonEnd = (run: Run) => end(run, 1, run.count - 1) + 1;

/** A message's payload: together with those of all its run where they are JSON, else by itself. */
function value(run: Run, index: number, message: Message<unknown>): unknown {
  if (run.values === undefined) run.values = run.kinds ? null : parsed(run);
  if (!run.values) return decode(run.kinds?.[index] ?? 0, message.text, message.bytes);
  const value = run.values[index];
  // Who keeps one message does not keep them all.
  run.values[index] = undefined;
  return value;
}

/** A run's text as one array. Null where a server let something through that is not JSON: then each speaks for itself. */
function parsed(run: Run): unknown[] | null {
  try {
    const all = JSON.parse(run.text.slice(0, jsonEnd(run)));
    return all.length === run.count ? all : null;
  } catch {
    return null;
  }
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
