// Reads a `text/event-stream` as it comes, in chunks cut anywhere, and gives its events on where they lie: a payload is not made text only to
// become bytes again, and not copied before it is written where it belongs. What the lines say is not its business, and neither are ids and
// times to wait: who reads a stream here resumes by cursors of its own.

import { decode } from "./records.js";

const LF = 10, CR = 13, SPACE = 32, COLON = 58;
const DATA = [100, 97, 116, 97, COLON], NAME = [101, 118, 101, 110, 116, COLON];
const MARK = [0xef, 0xbb, 0xbf];

/** Whether these bytes stand there. */
export function stands(bytes: Uint8Array, at: number, these: readonly number[]): boolean {
  for (let place = 0; place < these.length; place++) if (bytes[at + place] !== these[place]) return false;
  return true;
}

/** Is told of an event: its name, and where in the bytes its lines of data begin and end, in turn. Both are good until it returns. */
export type Told = (name: string, bytes: Uint8Array, lines: readonly number[]) => void;

/** Reads one stream. */
export class EventStream {
  /** An event whose end has not come. */
  #rest = new Uint8Array();
  /** The last byte was a carriage return: a line feed that follows belongs to it. */
  #half = false;
  #first = true;
  #lines: number[] = [];

  /** Bears no event longer than `limit` bytes. */
  constructor(private readonly limit: number, private readonly told: Told) {}

  /** Takes a chunk in. False when something was too long: the stream is of no more use. */
  take(chunk: Uint8Array): boolean {
    let bytes = this.#lineFeeds(chunk);
    const { length } = this.#rest;
    if (length) {
      const whole = new Uint8Array(length + bytes.length);
      whole.set(this.#rest);
      whole.set(bytes, length);
      bytes = whole;
    }
    let start = 0;
    if (this.#first && bytes.length >= MARK.length) {
      this.#first = false;
      if (stands(bytes, 0, MARK)) start = MARK.length;
    }
    for (let next; (next = this.#event(bytes, start)) > start;) start = next;
    this.#rest = bytes.slice(start);
    return this.#rest.length <= this.limit;
  }

  /** The same with no other ends of lines. */
  #lineFeeds(chunk: Uint8Array): Uint8Array {
    const bytes = this.#half && chunk[0] === LF ? chunk.subarray(1) : chunk;
    if (chunk.length) this.#half = chunk.at(-1) === CR;
    if (bytes.indexOf(CR) < 0) return bytes;
    return bytes.filter((byte, place) => byte !== LF || bytes[place - 1] !== CR).map(byte => byte === CR ? LF : byte);
  }

  /** The event that begins there, and where the next one does: in the same place when this one is not complete. */
  #event(bytes: Uint8Array, start: number): number {
    const lines = this.#lines;
    lines.length = 0;
    let name = "message";
    for (let at = start, end; (end = bytes.indexOf(LF, at)) >= 0; at = end + 1) {
      if (end === at) {
        if (lines.length) this.told(name, bytes, lines);
        return end + 1;
      }
      if (stands(bytes, at, DATA)) {
        const from = at + DATA.length;
        lines.push(bytes[from] === SPACE ? from + 1 : from, end);
      } else if (stands(bytes, at, NAME)) {
        name = decode(bytes.subarray(at + NAME.length, end)).replace(/^ /, "") || "message";
      // A line that is nothing but a field's name has an empty value.
      } else if (end - at === 4 && stands(bytes, at, DATA.slice(0, 4))) lines.push(end, end);
    }
    return start;
  }
}
