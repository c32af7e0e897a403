// What the module writes for its host, and how it is read where it lies: numbers and bytes, one after the other. Nothing of the module may be
// called before all is read. (`sdk/js-client/src/writer.rs` is the other half.)

import type { Run } from "../delivery.js";
import { EverwireError } from "../error.js";
import type { Member, Position, Transport } from "../types.js";

/** What a record is of. In the module's order. */
export const enum Told {
  Open = 1, Send, Poll, Close, Request, Token, Timer, State, Messages, Subscribed, Gap, Ephemeral, Members, Join, Leave, Failed,
  Published, History, Presence, Taken, TakenAs, Refused, Stats,
}

/** What the module is told. In its order; what the page does stands between `Online` and `Opened`. */
export const enum Input {
  Connect, Fired, Offline, Online, Opened = 6, Message, Chunk, Event, Response, Closed, Reply, Token, Subscribe, Unsubscribe, Pause, Resume,
  Consumed, Publish, History, Presence, Transports, Cut, Close, Stats,
}

/** In the module's order. */
export const TRANSPORTS: readonly Transport[] = ["websocket", "sse", "eventsource", "longpoll", "poll", "tab"];
const STATES = ["connecting", "connected", "waiting", "offline", "closed"];
const REASONS = ["asked", "welcomed", "network", "silent", "unanswered", "connect-timeout", "closed", "status", "drain", "malformed", "token",
  "offline", "back", "suspended", "transport"];
const COUNTERS = ["roundTrip", "timeToDetect", "bytesReceived", "bytesSent", "messagesReceived", "published", "acked", "rejected", "expired",
  "reconnects", "failedAttempts", "resumes", "gaps", "repeats", "stale", "malformed", "pauses", "outboxMessages", "outboxBytes"];

/** A request to make. */
export interface Request {
  readonly target: string;
  readonly accept: string | undefined;
  readonly type: string | undefined;
  readonly token: string | undefined;
  /** With one it is a `POST`. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** How large its answer may be. */
  readonly limit: number;
}

/** A run of messages that waits. */
export interface Waiting extends Run {
  /** How many of its messages are not reported as taken, and how many bytes. */
  left: number;
  rest: number;
  /** The bytes of all its payloads. */
  readonly size: number;
  /** The messages' keys, where somebody has asked for them. */
  keys?: (string | undefined)[];
}

/** The kind of a payload that is bytes. */
export const BYTES = 2;

/** Safari's decoder decodes no more than two gigabytes in its life. */
const MOST_DECODED = 2 ** 31 - 2 ** 21;
const fresh = () => new TextDecoder("utf-8", { ignoreBOM: true });
let decoder = fresh();
let decoded = 0;

export function decode(bytes: Uint8Array): string {
  decoded += bytes.length;
  if (decoded > MOST_DECODED) {
    decoder = fresh();
    decoded = bytes.length;
  }
  return decoder.decode(bytes);
}

export const encode = (text: string) => new TextEncoder().encode(text);

/** A module that bytes are brought to. */
export interface Room {
  readonly memory: WebAssembly.Memory;
  /** Where the bytes are to be put that go with the next call. */
  room(length: number): number;
}

/** Brings the bytes of the next call. */
export function bring(module: Room, bytes: Uint8Array): void {
  const place = module.room(bytes.length);
  // By now the memory may have grown, which makes another buffer of it.
  new Uint8Array(module.memory.buffer, place).set(bytes);
}

const FEW = 32;

/** Without what there is none of. */
export const given = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

/** Reads what an input has led to. One does for all, since each is read to its end before the next. */
export class Reader {
  #view = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;

  /** Begins where something stands in the module's memory, which may have grown since. */
  begin(memory: ArrayBuffer, start: number): void {
    if (this.#view.buffer !== memory) this.#view = new DataView(memory);
    this.#at = start;
    this.#end = start + this.number();
  }

  /** Whether there is another record. */
  get more(): boolean { return this.#at < this.#end; }

  number(): number {
    const number = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return number;
  }

  maybe(): number | undefined {
    const number = this.number();
    return number === number ? number : undefined;
  }

  /** Where they lie. */
  bytes(length = this.number()): Uint8Array<ArrayBuffer> | undefined {
    if (length < 0) return;
    const bytes = new Uint8Array(this.#view.buffer, this.#at, length);
    this.#at += length;
    return bytes;
  }

  maybeText(): string | undefined {
    const bytes = this.bytes();
    return bytes && decode(bytes);
  }

  text(): string { return this.maybeText()!; }

  column(length: number): ArrayLike<number> {
    const numbers: number[] = [];
    if (length < FEW) {
      while (numbers.length < length) numbers.push(this.number());
      return numbers;
    }
    return new Float64Array(this.bytes(8 * length)!.slice().buffer);
  }

  position(): Position { return `${this.text()}-${this.number()}`; }

  request(): Request {
    return {
      target: this.text(), accept: this.maybeText(), type: this.maybeText(), token: this.maybeText(), body: this.bytes()?.slice(),
      limit: this.number(),
    };
  }

  member(): Member { return given({ id: this.text(), subject: this.maybeText(), info: this.maybeText() }); }

  members(): Member[] { return Array.from({ length: this.number() }, () => this.member()); }

  error(): EverwireError {
    const code = this.text();
    return new EverwireError(this.text(), code, this.number() > 0);
  }

  state() {
    return given({
      state: STATES[this.number()], transport: TRANSPORTS[this.number()], reason: REASONS[this.number()], code: this.maybe(),
      attempt: this.number(), retryAt: this.number() + performance.now() || undefined,
    });
  }

  stats(): object {
    const counters = Object.fromEntries(COUNTERS.map(name => [name, this.maybe()]));
    const blocked = this.number();
    return { ...given(counters), blocked: TRANSPORTS.filter((_, place) => blocked >> place & 1) };
  }

  /** Messages in columns; see `sdk/js-client/src/columns.rs`. */
  run(): Waiting {
    const count = this.number(), first = this.number(), size = this.number(), epochLength = this.number(), columns = this.number();
    const numbers = this.column(columns * count), text = this.text(), epoch = text.slice(-epochLength);
    const kinds = this.number() ? this.bytes(count)!.slice() : undefined;
    const bytes: Uint8Array[] = [];
    kinds?.forEach((kind, index) => { if (kind === BYTES) bytes[index] = this.bytes()!.slice(); });
    return { type: "messages", count, first, epoch, numbers, text, about: columns > 2, kinds, bytes, size, left: count, rest: size };
  }
}

