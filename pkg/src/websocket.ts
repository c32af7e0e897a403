/// <reference lib="dom" preserve="true" />
// `ReconnectingWebSocket`: the platform's interface over the module's socket. What it decides is decided there; here is what JavaScript
// expects: what is thrown, events, handlers, and that it works before the module has loaded.

import { absolute, constants, handlers, required } from "./dropin.js";
import { persistently } from "./module.js";
import { Socket, type SocketOptions } from "./socket.js";

export { init, type InitInput } from "./module.js";

/** Options of a {@link ReconnectingWebSocket}. Times are in milliseconds. */
export interface ReconnectingWebSocketOptions {
  /** So many failures in a row are borne. Default: `Infinity`. */
  readonly maxRetries?: number;
  /** How long an attempt may take until it is open. Default: 10,000. */
  readonly connectTimeout?: number;
  /** The first wait is at most this long, and each one after it up to twice as long as the one before. Default: 500. */
  readonly backoffBase?: number;
  /** No wait between attempts is longer. Default: 20,000. */
  readonly backoffMax?: number;
  /**
   * How a dead link is found: after `interval` of silence the message is sent, and when there is still nothing after `timeout`, the
   * link is dead. Without a message the server has to be one that is never silent for longer by itself. Default: none, since what
   * a server answers depends on the server.
   */
  readonly heartbeat?: { readonly message?: string | ArrayBuffer; readonly interval: number; readonly timeout: number };
  /** How much waits for a link. Default: 1,000 messages, 1 MiB. */
  readonly outbox?: { readonly messages?: number; readonly bytes?: number };
  /** After which closes nothing is tried again. Default: none. */
  readonly fatal?: (code: number, reason: string) => boolean;
  /** What binary messages come as. Default: `blob`, as the standard has it. */
  readonly binaryType?: BinaryType;
}

/** A URL, or who knows it: asked before each attempt, such as for a ticket that is good for one of them. */
export type UrlProvider = string | URL | (() => string | URL | Promise<string | URL>);

/** A link was lost, or could not be had. */
export interface SocketCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** Whether it is tried again: `false` in the last event that there is. */
  readonly willRetry: boolean;
  /** In how many milliseconds; `Infinity`: when the network, or the page, is back. */
  readonly retryIn?: number;
}

/** What a {@link ReconnectingWebSocket} tells. */
export interface ReconnectingWebSocketEventMap {
  /** There is a link, for the first time or again. */
  open: Event;
  message: MessageEvent;
  /** Something failed; a close follows. */
  error: Event;
  /** A link was lost; `willRetry` tells whether that is the end. */
  close: SocketCloseEvent;
}

type SocketHandler<K extends keyof ReconnectingWebSocketEventMap> =
  ((this: ReconnectingWebSocket, event: ReconnectingWebSocketEventMap[K]) => unknown) | null;

/** So much waits before the module has loaded, as in the module itself. */
const MESSAGES = 1_000;
const BYTES = 1024 * 1024;

/**
 * A `WebSocket` that comes back by itself, to any server. The platform's interface; different is, on purpose:
 * - `send` before there is a link keeps the message until there is one, in order, and within limits; beyond them it throws a
 *   `QuotaExceededError`.
 * - `readyState` is `CONNECTING` while it waits and tries; `open` and `close` come for each link, and a close tells whether it
 *   was the last by `willRetry`.
 */
export class ReconnectingWebSocket extends EventTarget {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;
  declare onopen: SocketHandler<"open">;
  declare onmessage: SocketHandler<"message">;
  declare onerror: SocketHandler<"error">;
  declare onclose: SocketHandler<"close">;

  static {
    constants(this, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });
    handlers(this.prototype, ["open", "message", "error", "close"]);
  }

  #inner: Socket | undefined;
  #url = "";
  #binaryType: BinaryType;
  /** What waits for the module. */
  #early: [data: unknown, bytes: number][] = [];
  #earlyBytes = 0;
  /** Bytes that were given when it was over. */
  #discarded = 0;
  #limits: { messages: number; bytes: number };
  #over: 2 | 3 | undefined;

  /**
   * Starts connecting.
   * @throws what the platform's class throws: a `SyntaxError` for what is no URL of a WebSocket, or for subprotocols that are none.
   */
  constructor(url: UrlProvider, protocols: string | readonly string[] = [], options: ReconnectingWebSocketOptions = {}) {
    super();
    required(arguments);
    const names = typeof protocols === "string" ? [protocols] : [...protocols];
    if (new Set(names).size < names.length || names.some(name => !/^[!#$%&'*+\-.^_`|~\w]+$/.test(name)))
      throw new DOMException("The subprotocol is invalid or duplicated.", "SyntaxError");
    if (typeof url !== "function") this.#url = socketUrl(url);
    const { heartbeat, outbox, binaryType = "blob", ...rest } = options;
    this.#binaryType = binaryType;
    this.#limits = { messages: outbox?.messages ?? MESSAGES, bytes: outbox?.bytes ?? BYTES };
    void this.#start(names, {
      ...rest,
      heartbeatMessage: heartbeat?.message, heartbeatInterval: heartbeat?.interval, heartbeatTimeout: heartbeat?.timeout,
      outboxMessages: this.#limits.messages, outboxBytes: this.#limits.bytes,
      provider: typeof url === "function" && ((answer: (url?: string) => void) => {
        Promise.resolve().then(url).then(socketUrl).then(answer, () => answer());
      }),
    });
  }

  get url(): string { return this.#inner?.url || this.#url; }
  get readyState(): 0 | 1 | 2 | 3 { return this.#over ?? (this.#inner?.readyState ?? 0) as 0 | 1 | 2 | 3; }
  get protocol(): string { return this.#inner?.protocol ?? ""; }
  get extensions(): string { return this.#inner?.extensions ?? ""; }
  get bufferedAmount(): number { return (this.#inner?.bufferedAmount ?? 0) + this.#earlyBytes + this.#discarded; }

  get binaryType(): BinaryType { return this.#binaryType; }
  set binaryType(type: BinaryType) {
    if (type !== "blob" && type !== "arraybuffer") return;
    this.#binaryType = type;
    this.#inner?.setBinaryType(type);
  }

  /** Sends, now or when there is a link. */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    required(arguments);
    const isBuffer = data instanceof ArrayBuffer || ArrayBuffer.isView(data) || data instanceof Blob;
    const value = isBuffer ? data : String(data);
    const bytes = typeof value === "string" ? lengthOf(value) : value instanceof Blob ? value.size : value.byteLength;
    if (this.#over) this.#discarded += bytes;
    else if (this.#inner) {
      const answer = this.#inner.send(kept(value, this.readyState), bytes);
      if (answer === 2) this.#discarded += bytes;
      if (answer === 1) throw full();
    } else {
      if (this.#early.length >= this.#limits.messages || this.#earlyBytes + bytes > this.#limits.bytes) throw full();
      this.#early.push([kept(value, 0), bytes]);
      this.#earlyBytes += bytes;
    }
  }

  /**
   * Closes for good.
   * @throws what the platform's class throws: an `InvalidAccessError` for a code that is no app's, a `SyntaxError` for a reason of over 123 bytes.
   */
  close(code?: number, reason = ""): void {
    if (code !== undefined) {
      code = Math.min(Math.max(Math.round(code) || 0, 0), 0xffff);
      if (code !== 1000 && (code < 3000 || code > 4999))
        throw new DOMException(`The close code must be 1000 or from 3000 to 4999: ${code} is neither.`, "InvalidAccessError");
    }
    if (lengthOf(String(reason)) > 123) throw new DOMException("The close reason is over 123 bytes.", "SyntaxError");
    if (this.#inner) this.#inner.close(code, String(reason));
    else if (!this.#over) {
      this.#over = 2;
      queueMicrotask(() => this.#fail());
    }
  }

  /** Gives up the link, or the wait for one, and connects at once. */
  reconnect(): void { this.#inner?.reconnect(); }

  override addEventListener<K extends keyof ReconnectingWebSocketEventMap>(type: K, listener: (this: ReconnectingWebSocket, event: ReconnectingWebSocketEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  async #start(protocols: string[], options: Omit<SocketOptions, "binaryType">): Promise<void> {
    try {
      const { module } = await persistently(() => !this.#over);
      if (this.#over) return;
      const inner = this.#inner = new Socket(module, this.#url, protocols, { ...options, binaryType: this.#binaryType }, this.#tell);
      for (const [data, bytes] of this.#early.splice(0)) inner.send(data, bytes);
      this.#earlyBytes = 0;
    } catch {
      if (!this.#over) this.#fail();
    }
  }

  /** It ends without ever having had a module. */
  #fail(): void {
    this.#over = 3;
    this.dispatchEvent(new Event("error"));
    this.dispatchEvent(closeEvent({ code: 1006, reason: "", wasClean: false }));
  }

  #tell = (what: 0 | 1 | 2 | 3, ...[first, reason, wasClean, retryIn]: unknown[]): void => {
    if (what === 1) this.dispatchEvent(new MessageEvent("message", { data: first, origin: originOf(this.url) }));
    else if (what === 3) {
      this.dispatchEvent(closeEvent({ code: first as number, reason: reason as string, wasClean: wasClean as boolean }, retryIn as number | undefined));
    } else this.dispatchEvent(new Event(what ? "error" : "open"));
  };
}

const full = () => new DOMException("Too many messages wait for the connection.", "QuotaExceededError");

function closeEvent(init: { code: number; reason: string; wasClean: boolean }, retryIn?: number): Event {
  // Node has no `CloseEvent` before 23.
  const event = globalThis.CloseEvent ? new CloseEvent("close", init) : Object.assign(new Event("close"), init);
  return Object.assign(event, { willRetry: retryIn !== undefined, retryIn });
}

/** What waits is what was given, whatever is done with it since. */
function kept(data: string | ArrayBufferLike | Blob | ArrayBufferView, state: number): unknown {
  if (state === 1 || typeof data === "string" || data instanceof Blob) return data;
  return ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.slice(0);
}

const lengthOf = (text: string) => new TextEncoder().encode(text).length;

const originOf = (url: string) => url && new URL(url).origin;

function socketUrl(url: string | URL): string {
  const parsed = absolute(url);
  parsed.protocol = parsed.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(parsed.protocol)) throw new DOMException(`'${parsed.protocol}' is no scheme of a WebSocket.`, "SyntaxError");
  if (parsed.href.includes("#")) throw new DOMException("The URL of a WebSocket has no fragment.", "SyntaxError");
  return parsed.href;
}
