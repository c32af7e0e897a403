// The client's transports, each from its opening to its end. It opens what it is told to, and tells what comes of it; it decides nothing, and
// what is closed is not heard any more.

import { exchange, type Answered } from "./exchange.js";
import { Input, TRANSPORTS, decode, encode, type Request } from "./records.js";

/** Tells the module: what, of which attempt or request, numbers, bytes. */
export type Tell = (what: number, id: number, b?: number, c?: number, bytes?: Uint8Array) => void;

interface Link {
  close(code?: number): void;
  send?(data: Uint8Array<ArrayBuffer>): void;
}

const DONE = 1000;

/** Every name that an event of ours may have: the platform's `EventSource` hands over only what is listened to. */
const NAMES = ["message", ...["welcome", "subscribed", "gap", "heartbeat", "drain", "expires", "closed", "ephemeral", "members", "join", "leave",
  "error"].map(name => `everwire.${name}`)];

/** Everything that is open. */
export class Links {
  #open = new Map<number, Link>();
  #requests = new Map<number, () => void>();

  /** For the server at `base`: `http(s)://host[:port][/prefix]`. */
  constructor(private readonly base: string, private readonly tell: Tell) {}

  /** Opens a transport. False when the browser refuses to. */
  open(attempt: number, transport: number, request: Request): boolean {
    const name = TRANSPORTS[transport];
    try {
      const link = name === "websocket" ? this.#webSocket(attempt, request)
        : name === "eventsource" ? request.token ? this.#ticket(attempt, request) : this.#eventSource(attempt, this.base + request.target)
        : this.#exchange(attempt, request, name === "sse");
      this.#open.set(attempt, link);
      return true;
    } catch {
      return false;
    }
  }

  /** The next exchange of a poll. */
  poll(attempt: number, request: Request): void { this.#open.set(attempt, this.#exchange(attempt, request, false)); }

  send(attempt: number, data: Uint8Array<ArrayBuffer>): void { this.#open.get(attempt)?.send?.(data); }

  close(attempt: number, code?: number): void {
    const link = this.#open.get(attempt);
    this.#open.delete(attempt);
    link?.close(code);
  }

  /** A request beside the transport. It is given up after so long: nobody waits for it any more. */
  request(id: number, timeout: number, request: Request): void {
    const end = () => {
      clearTimeout(timer);
      this.#requests.delete(id);
      abort();
    };
    const abort = exchange(this.base, request, (status, ...answer) => {
      end();
      this.tell(Input.Reply, id, status, ...answer);
    });
    const timer = setTimeout(end, timeout);
    this.#requests.set(id, end);
  }

  clear(): void {
    for (const attempt of this.#open.keys()) this.close(attempt);
    for (const end of this.#requests.values()) end();
  }

  #ended(attempt: number, code: number): void {
    this.close(attempt);
    this.tell(Input.Closed, attempt, code);
  }

  #webSocket(attempt: number, { target, limit }: Request): Link {
    const socket = new WebSocket(this.base.replace(/^http/, "ws") + target, "everwire.v1.bin");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.tell(Input.Opened, attempt);
    socket.onmessage = ({ data }) => {
      // What the server never sends is not even copied.
      if (data instanceof ArrayBuffer && data.byteLength <= limit) this.tell(Input.Message, attempt, 0, 0, new Uint8Array(data));
      else this.#ended(attempt, 0);
    };
    // An `error` says nothing, and a `close` always follows it.
    socket.onclose = ({ code }) => this.#ended(attempt, code);
    return {
      send: data => socket.send(data),
      close: (code = DONE) => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(code);
      },
    };
  }

  #exchange(attempt: number, request: Request, streams: boolean): Link {
    const close = exchange(this.base, request, this.#answered(attempt), streams ? {
      opened: () => this.tell(Input.Opened, attempt),
      chunk: bytes => this.tell(Input.Chunk, attempt, 0, 0, bytes),
    } : undefined);
    return { close };
  }

  #answered(attempt: number): Answered {
    return (status, retryAfter, body) => {
      if (!body) return this.#ended(attempt, status);
      // A refusal is the end of its attempt.
      if (status !== 200) this.#open.delete(attempt);
      this.tell(Input.Response, attempt, status, retryAfter, body);
    };
  }

  /** An event source can send no header, and a URL holds no token: that is traded for a ticket first. */
  #ticket(attempt: number, { target, token, limit }: Request): Link {
    const trade = { target: "/v1/ticket", accept: "text/plain, application/vnd.everwire.v1", type: undefined, token, body: new Uint8Array(), limit };
    const answered = this.#answered(attempt);
    const close = exchange(this.base, trade, (status, retryAfter, body) => {
      if (status !== 200 || !body) return answered(status, retryAfter, body);
      try {
        this.#open.set(attempt, this.#eventSource(attempt, `${this.base}${target}&ticket=${decode(body)}`));
      } catch {
        this.#ended(attempt, 0);
      }
    });
    return { close };
  }

  /** It may open a connection and read it, and no more: at its first error it is closed, before it gets to reconnecting. */
  #eventSource(attempt: number, url: string): Link {
    const source = new EventSource(url);
    const heard = ({ type, data }: MessageEvent) => this.tell(Input.Event, attempt, 0, 0, encode(`${type}\n${data}`));
    source.onopen = () => this.tell(Input.Opened, attempt);
    source.onerror = () => this.#ended(attempt, 0);
    for (const name of NAMES) source.addEventListener(name, heard);
    const close = () => {
      source.onopen = source.onerror = null;
      for (const name of NAMES) source.removeEventListener(name, heard);
      source.close();
    };
    return { close };
  }
}
