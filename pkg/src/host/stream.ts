// Reads a `text/event-stream` as it comes, in chunks cut anywhere, and gives its events on, line by line and as bytes: a payload is not made text only to
// become bytes again. What the lines say is not its business, and neither are ids and times to wait: who reads a stream here resumes by
// cursors of its own.

import { decode } from "./records.js";

const LF = 10, CR = 13, SPACE = 32, COLON = 58;
const DATA = [100, 97, 116, 97];
const MARK = [0xef, 0xbb, 0xbf];

const begins = (bytes: Uint8Array, at: number, with_: number[]) => with_.every((byte, place) => bytes[at + place] === byte);

/** Reads one stream. */
export class EventStream {
  /** A line whose end has not come. */
  #rest = new Uint8Array();
  /** The last byte was a carriage return: a line feed that follows belongs to it. */
  #half = false;
  #first = true;
  #name = "";
  #lines: Uint8Array[] = [];
  #size = 0;

  /** Bears no line, and no event, longer than `limit` bytes. */
  constructor(private readonly limit: number, private readonly told: (name: string, lines: Uint8Array[]) => void) {}

  /** Takes a chunk in. False when something was too long: the stream is of no more use. */
  take(chunk: Uint8Array): boolean {
    let bytes = this.#lineFeeds(chunk);
    if (this.#rest.length) {
      const whole = new Uint8Array(this.#rest.length + bytes.length);
      whole.set(this.#rest);
      whole.set(bytes, this.#rest.length);
      bytes = whole;
    }
    let at = 0;
    for (let end; (end = bytes.indexOf(LF, at)) >= 0 && this.#size <= this.limit; at = end + 1) this.#line(bytes, at, end);
    this.#rest = bytes.slice(at);
    return this.#size + this.#rest.length <= this.limit;
  }

  /** The same with no other ends of lines. */
  #lineFeeds(chunk: Uint8Array): Uint8Array {
    const bytes = this.#half && chunk[0] === LF ? chunk.subarray(1) : chunk;
    if (chunk.length) this.#half = chunk.at(-1) === CR;
    if (!bytes.includes(CR)) return bytes;
    return bytes.filter((byte, place) => byte !== LF || bytes[place - 1] !== CR).map(byte => byte === CR ? LF : byte);
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    if (this.#first && begins(bytes, start, MARK)) start += MARK.length;
    this.#first = false;
    if (start === end) return this.#dispatch();
    const colon = bytes.indexOf(COLON, start);
    const name = colon < 0 || colon > end ? end : colon;
    const value = bytes.subarray(Math.min(end, name + (bytes[name + 1] === SPACE ? 2 : 1)), end);
    if (name === start + DATA.length && begins(bytes, start, DATA)) {
      this.#lines.push(value);
      this.#size += value.length + 1;
    } else if (decode(bytes.subarray(start, name)) === "event") this.#name = decode(value);
  }

  #dispatch(): void {
    if (this.#lines.length) this.told(this.#name || "message", this.#lines);
    this.#name = "";
    this.#lines = [];
    this.#size = 0;
  }
}
