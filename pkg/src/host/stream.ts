// Reads a `text/event-stream` as it comes, in chunks cut anywhere, and gives its events on. What they say is not its business, and neither
// are ids and times to wait: who reads a stream here resumes by cursors of its own.

/** Reads one stream. */
export class EventStream {
  #decoder = new TextDecoder();
  /** A line whose end has not come. */
  #rest = "";
  #name = "";
  #data: string[] = [];
  #size = 0;

  /** Bears no line, and no event, longer than `limit` characters. */
  constructor(private readonly limit: number, private readonly told: (name: string, data: string) => void) {}

  /** Takes a chunk in. False when something was too long: the stream is of no more use. */
  take(chunk: Uint8Array): boolean {
    const text = this.#rest + this.#decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be one half of a line's end.
    const half = text.endsWith("\r");
    const lines = (half ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop()! + (half ? "\r" : "");
    return lines.every(line => this.#line(line)) && this.#rest.length <= this.limit;
  }

  #line(line: string): boolean {
    if (!line) {
      if (this.#data.length) this.told(this.#name || "message", this.#data.join("\n"));
      this.#name = "";
      this.#data = [];
      this.#size = 0;
      return true;
    }
    // A comment has no name before its colon.
    const colon = (line.indexOf(":") + 1 || line.length + 1) - 1;
    const name = line.slice(0, colon), value = line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "event") this.#name = value;
    if (name === "data") {
      this.#data.push(value);
      this.#size += value.length + 1;
    }
    return this.#size <= this.limit;
  }
}
