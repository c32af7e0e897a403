// The events of a stream as frames of the binary codec, which the module reads: the same words and numbers, in the other order. It puts
// words into bytes and checks nothing that the module checks: what is a good name, a length or an offset is decided there.

import { decode, encode } from "./records.js";
import { stands } from "./stream.js";

/** Bytes under construction. */
class Bytes {
  #bytes = new Uint8Array(1024);
  #end = 0;

  byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#end++] = byte;
  }

  /** Seven bits a byte, the lowest first. */
  number(number: number): void {
    this.#room(10);
    // Beyond 31 bits remainders are slow: four bytes of it at once.
    for (let more; number >= WIDE; number = more) {
      more = Math.floor(number / WIDE);
      let low = number - more * WIDE;
      for (let count = 0; count < 4; count++, low >>>= 7) this.#bytes[this.#end++] = low & 127 | 128;
    }
    for (; number >= 128; number >>>= 7) this.#bytes[this.#end++] = number & 127 | 128;
    this.#bytes[this.#end++] = number;
  }

  /** Its length before it. */
  text(text: string): void {
    // No character of JavaScript's is more than three bytes.
    this.#measured(3 * text.length, room => encoder.encodeInto(text, room).written);
  }

  bytes(bytes: Uint8Array): void {
    this.#measured(bytes.length, room => {
      room.set(bytes);
      return bytes.length;
    });
  }

  /** A part of other bytes, its length before it. */
  part(bytes: Uint8Array, from: number, to: number): void {
    this.number(to - from);
    this.#room(to - from);
    // A view of a few bytes takes longer to make than they take to copy.
    if (to - from > SHORT) this.#bytes.set(bytes.subarray(from, to), this.#end);
    else for (let place = from, end = this.#end; place < to; place++) this.#bytes[end++] = bytes[place]!;
    this.#end += to - from;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** All of it, as it lies: good until there is more. Begins anew. */
  take(): Uint8Array {
    const end = this.#end;
    this.#end = 0;
    return this.#bytes.subarray(0, end);
  }

  #room(more: number): void {
    const { length } = this.#bytes;
    if (this.#end + more <= length) return;
    const larger = new Uint8Array(Math.max(2 * length, this.#end + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** Something whose length is known once it stands: it is written behind, and moved to its length. */
  #measured(most: number, write: (room: Uint8Array) => number): void {
    this.#room(most + BEHIND);
    const start = this.#end + BEHIND;
    const length = write(this.#bytes.subarray(start));
    this.number(length);
    this.#bytes.copyWithin(this.#end, start, start + length);
    this.#end += length;
  }
}

const encoder = new TextEncoder();
/** No length is longer. */
const BEHIND = 8;
const SHORT = 64;
const WIDE = 2 ** 28;
const SPACE = 32, EQUALS = 61, PERCENT = 37;
const JSON_KIND = [106, 115, 111, 110];
/** `key`, `from`, `id`: what a message's header may name, by its bytes. */
const NAMED = [[107, 101, 121, EQUALS], [102, 114, 111, 109, EQUALS], [105, 100, EQUALS]];
/** The types of frames, from 0x81 on. */
const TYPES = ["welcome", "subscribed", "messages", "gap", "ephemeral", "join", "leave", "ack", "presence", "history", "error", "heartbeat", "pong",
  "drain", "closed", "members", "expires"];
const MESSAGES = 0x83;
const KINDS = ["json", "text", "bytes", "json64", "text64"];
const ABOUT = ["connection", "topic", "publish", "request"];

/** The words of a line, in their order; then those with names. */
class Words {
  #words: string[];

  constructor(line: string) { this.#words = line.split(" "); }

  word(): string {
    const word = this.#words.shift();
    if (word === undefined) throw new Error("a word is missing");
    return word;
  }

  text(): string { return decodeURIComponent(this.word()); }

  number(): number { return number(this.word()); }

  /** Of these names the values, where there are any. What is left of a line is nothing but names and values. */
  named(...names: string[]): (string | undefined)[] {
    const values: (string | undefined)[] = names.map(() => undefined);
    for (const word of this.#words) {
      const end = word.indexOf("="), place = names.indexOf(word.slice(0, end));
      if (end < 0 || values[place] !== undefined) throw new Error("a word too many");
      if (place >= 0) values[place] = decodeURIComponent(word.slice(end + 1));
    }
    return values;
  }

  get more(): boolean { return this.#words.length > 0; }
}

function number(word: string): number {
  if (!/^\d+$/.test(word)) throw new Error("not a number");
  return Number(word);
}

/** Makes frames of events. */
export class EventFrames {
  #out = new Bytes();
  #fields = new Bytes();
  /** Messages that follow each other go into one frame. */
  #records = new Bytes();
  #alias = 0;
  #first = 0;
  #count = 0;
  /** Where in a header reading is, and where what it names begins and ends. */
  #at = 0;
  #named: number[] = [];

  /**
   * An event: its name, `message` where it has none, and where in the bytes its lines begin and end. What can't be read becomes a frame that
   * can't be read either.
   */
  add(name: string, bytes: Uint8Array, lines: readonly number[]): void {
    try {
      if (name === "message") {
        if (!this.#plain(bytes, lines)) this.#message(all(bytes, lines));
      } else this.#other(TYPES.indexOf(name.replace(/^everwire\./, "")), all(bytes, lines));
    } catch {
      this.broken();
    }
  }

  /** The same of a text. */
  addText(name: string, text: string): void {
    const bytes = encode(text), lines = [0];
    for (let end; (end = bytes.indexOf(10, lines.at(-1))) >= 0;) lines.push(end, end + 1);
    this.add(name, bytes, [...lines, bytes.length]);
  }

  /** Something that can't be read. */
  broken(): void {
    this.#flush();
    this.#out.byte(0);
  }

  /** The frames so far, good until there are more. */
  take(): Uint8Array {
    this.#flush();
    return this.#out.take();
  }

  /**
   * A message as most are: JSON in one line, and nothing in its header that is encoded. Read without making anything of it, since streams bring
   * many. False, and nothing done, for any other.
   */
  #plain(bytes: Uint8Array, lines: readonly number[]): boolean {
    // By their places: taking an array apart is slow.
    const end = lines[1]!;
    this.#at = lines[0]!;
    const alias = this.#number(bytes, end), offset = this.#number(bytes, end), time = this.#number(bytes, end);
    if (lines.length !== 4 || !(alias >= 0 && offset >= 0 && time >= 0) || !stands(bytes, this.#at, JSON_KIND)) return false;
    let at = this.#at + JSON_KIND.length, flags = 0;
    const named = this.#named;
    for (let place = 0; place < NAMED.length; place++) {
      const name = NAMED[place]!;
      if (bytes[at] !== SPACE || !stands(bytes, at + 1, name)) continue;
      named[2 * place] = at += 1 + name.length;
      while (at < end && bytes[at] !== SPACE) if (bytes[at++] === PERCENT) return false;
      named[2 * place + 1] = at;
      flags |= 4 << place;
    }
    if (at !== end) return false;
    this.#begin(alias, offset);
    this.#records.byte(flags);
    this.#records.number(time);
    for (let place = 0; place < NAMED.length; place++)
      if (flags & 4 << place) this.#records.part(bytes, named[2 * place]!, named[2 * place + 1]!);
    this.#records.part(bytes, lines[2]!, lines[3]!);
    return true;
  }

  /** Digits, and the space behind them. NaN where there are none. */
  #number(bytes: Uint8Array, end: number): number {
    let number = NaN;
    for (; this.#at < end; this.#at++) {
      const digit = bytes[this.#at]! ^ 48;
      if (digit > 9) break;
      number = (number || 0) * 10 + digit;
    }
    return bytes[this.#at++] === SPACE ? number : NaN;
  }

  /** A message follows: in the frame of those before it, or in one of its own. */
  #begin(alias: number, offset: number): void {
    if (!this.#count || alias !== this.#alias || offset !== this.#first + this.#count) {
      this.#flush();
      [this.#alias, this.#first] = [alias, offset];
    }
    this.#count++;
  }

  #message(lines: Uint8Array[]): void {
    const words = new Words(decode(lines[0]!));
    const [alias, offset, time, kind] = [words.number(), words.number(), words.number(), words.word()];
    const named = words.named("key", "from", "id"), number = choice(kind, KINDS) % 3;
    this.#begin(alias, offset);
    this.#records.byte(number | bits(named) << 2);
    this.#records.number(time);
    texts(this.#records, named);
    payload(this.#records, kind, lines);
  }

  #flush(): void {
    const fields = this.#fields;
    if (!this.#count) return;
    for (const number of [this.#alias, this.#first, this.#count]) fields.number(number);
    fields.raw(this.#records.take());
    this.#count = 0;
    this.#frame(MESSAGES);
  }

  #frame(type: number): void {
    const fields = this.#fields.take();
    this.#out.number(fields.length + 1);
    this.#out.byte(type);
    this.#out.raw(fields);
  }

  #other(place: number, bytes: Uint8Array[]): void {
    // What this version doesn't know is passed over.
    if (place < 0) return;
    this.#flush();
    const out = this.#fields;
    out.take();
    const lines = bytes.map(decode);
    const words = new Words(lines[0]!);
    switch (TYPES[place]) {
      case "welcome":
        out.text(words.text());
        for (let i = 0; i < 4; i++) out.number(words.number());
        out.text(words.text());
        break;
      case "subscribed": {
        const [alias, topic, position] = [words.number(), words.text(), words.word()];
        out.byte(choice(words.word(), ["fresh", "recovered"]));
        out.text(topic);
        out.number(alias);
        put(out, position);
        break;
      }
      case "gap": {
        const [alias, from, to, reason] = [words.number(), words.number(), words.word(), words.word()];
        const known = to !== "-";
        out.byte(choice(reason, ["evicted", "epoch"]) | (known ? 2 : 0));
        out.number(alias);
        out.number(from);
        if (known) out.number(number(to));
        put(out, words.word());
        break;
      }
      case "ephemeral": {
        const [alias, time, kind, named] = [words.number(), words.number(), words.word(), words.named("from")];
        out.byte(choice(kind, KINDS) % 3 | bits(named) << 2);
        out.number(alias);
        out.number(time);
        texts(out, named);
        payload(out, kind, bytes);
        break;
      }
      case "members":
        out.number(words.number());
        out.number(lines.length - 1);
        for (const line of lines.slice(1)) member(out, line);
        break;
      case "join":
      case "leave":
        out.number(words.number());
        if (lines.length !== 2) throw new Error("not one member");
        member(out, lines[1]!);
        break;
      case "error": {
        const [about, name] = words.word().split("=") as [string, string | undefined];
        const kind = choice(about, ABOUT);
        out.byte(kind);
        if (kind === 3) out.number(number(name!));
        else if (kind) out.text(decodeURIComponent(name!));
        out.number(words.number());
        if (lines.length < 2) throw new Error("a line is missing");
        out.text(decodeURIComponent(lines[1]!));
        out.byte(words.more ? 1 : 0);
        if (words.more) for (let i = 0; i < 2; i++) out.number(words.number());
        break;
      }
      case "closed": {
        const code = words.word();
        out.number(number(code));
        out.text(decodeURIComponent(lines[0]!.slice(code.length + 1)));
        break;
      }
      case "drain":
        out.number(words.number());
        out.number(words.number());
        break;
      case "expires": out.number(words.number());
    }
    this.#frame(0x81 + place);
  }
}

/** Each of the lines by itself. */
function all(bytes: Uint8Array, lines: readonly number[]): Uint8Array[] {
  return Array.from({ length: lines.length / 2 }, (_, line) => bytes.subarray(lines[2 * line], lines[2 * line + 1]));
}

/** Which of these it is. */
function choice(word: string, words: string[]): number {
  const place = words.indexOf(word);
  if (place < 0) throw new Error("another word");
  return place;
}

/** One for each that there is, the first the lowest. */
const bits = (named: (string | undefined)[]) => named.reduce((bits, text, place) => bits | (text === undefined ? 0 : 1 << place), 0);

function texts(out: Bytes, all: (string | undefined)[]): void {
  for (const text of all) if (text !== undefined) out.text(text);
}

/** What stands in the lines after the first. */
function payload(out: Bytes, kind: string, [, first, ...more]: Uint8Array[]): void {
  if (!first) throw new Error("a line is missing");
  const plain = kind === "json" || kind === "text";
  if (plain && !more.length) out.bytes(first);
  else if (plain) out.text([first, ...more].map(decode).join("\n"));
  else if (more.length) throw new Error("base64 in lines");
  else out.bytes(Uint8Array.from(atob(decode(first)), character => character.charCodeAt(0)));
}

function put(out: Bytes, position: string): void {
  const [epoch, offset] = position.split("-") as [string, string];
  out.text(epoch);
  out.number(number(offset));
}

function member(out: Bytes, line: string): void {
  const words = new Words(line);
  const id = words.text(), named = words.named("subject", "info");
  out.byte(bits(named));
  out.text(id);
  texts(out, named);
}
