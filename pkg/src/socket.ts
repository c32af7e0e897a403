/// <reference lib="dom" preserve="true" />
// The host of the WebSocket's machine: the platform's socket, and what waits to be sent. What is done when is decided in the machine
// (`sdk/js-websocket`); this does it.

import { guarded } from "./dropin.js";
import { Host } from "./page.js";
import type { SocketModule } from "everwire-glue";

/** What it is told; see `ReconnectingWebSocketOptions`. @internal */
export interface SocketOptions {
  readonly maxRetries?: number;
  readonly connectTimeout?: number;
  readonly backoffBase?: number;
  readonly backoffMax?: number;
  readonly heartbeatMessage?: string | ArrayBuffer;
  readonly heartbeatInterval?: number;
  readonly heartbeatTimeout?: number;
  readonly outboxMessages?: number;
  readonly outboxBytes?: number;
  readonly fatal?: (code: number, reason: string) => boolean;
  readonly binaryType: BinaryType;
  readonly provider?: ((answer: (url?: string) => void) => void) | false;
}

/** `(0)` an open, `(1, data)` a message, `(2)` an error, `(3, code, reason, wasClean, retryIn)` a close. @internal */
export type TellSocket = (what: 0 | 1 | 2 | 3, ...details: unknown[]) => void;

const CLOSED = 3;
/** What a message is answered with then. */
const OVER = 2;

/** What the machine is told beside what the page does, which stands before these. In its order. */
const enum Input { Fired = 4, Reconnect, Send, Close, Opened, Unable, Heard, Closed }

/** What the machine wants done. In its order. */
const enum Told { Open = 1, Error, Closed, Connect, Send, Close, Abandon, Start, Stop }

/** @internal */
export class Socket extends Host {
  url: string;
  #module: SocketModule;
  #number: number;
  #protocols: string[];
  #options: SocketOptions;
  #tell: TellSocket;
  #socket: WebSocket | undefined;
  #binaryType: BinaryType;
  /** Of the attempt that goes on: an answer to an earlier one's question is too late. */
  #attempt = 0;
  /** What is to be sent, by its number; a ping is 0. */
  #messages = new Map<number, unknown>();
  #last = 0;
  /** Of the app's first close: the others do nothing. */
  #reason: string | undefined;
  /** What the socket said when it closed. */
  #said: { readonly reason: string; readonly wasClean: boolean } | undefined;
  /** What never got a link. */
  #left = 0;
  /** The machine's word is being done. */
  #acting = false;

  constructor(module: SocketModule, url: string, protocols: string[], options: SocketOptions, tell: TellSocket) {
    super();
    this.#module = module;
    this.url = url;
    this.#protocols = protocols;
    this.#options = options;
    this.#tell = tell;
    this.#binaryType = options.binaryType;
    const { maxRetries, connectTimeout, backoffBase, backoffMax, heartbeatMessage: ping, heartbeatInterval, heartbeatTimeout } = options;
    const { outboxMessages, outboxBytes } = options;
    this.#messages.set(0, ping);
    const number = this.#number = module.create(
      Math.random() * 2 ** 53, maxRetries, connectTimeout, backoffBase, backoffMax, ping !== undefined, heartbeatInterval, heartbeatTimeout,
      outboxMessages, outboxBytes,
    );
    this.live({ changed: what => this.#input(what), fired: () => this.#input(Input.Fired), free: () => module.destroy(number) });
    this.reconnect();
  }

  get readyState(): number { return this.machine ? this.#module.look(this.#number) : CLOSED; }
  get protocol(): string { return this.#socket?.protocol ?? ""; }
  get extensions(): string { return this.#socket?.extensions ?? ""; }
  get bufferedAmount(): number { return (this.machine ? this.#buffered() : this.#left) + (this.#socket?.bufferedAmount ?? 0); }

  setBinaryType(type: BinaryType): void {
    this.#binaryType = type;
    if (this.#socket) this.#socket.binaryType = type;
  }

  /** 0 when it is taken, 1 when there is no room, 2 when it is over. */
  send(data: unknown, bytes: number): number {
    this.#messages.set(++this.#last, data);
    const answer = this.#input(Input.Send, this.#last, bytes);
    if (answer) this.#messages.delete(this.#last);
    return answer;
  }

  close(code: number | undefined, reason: string): void {
    this.#reason ??= reason;
    this.#input(Input.Close, code);
  }

  reconnect(): void { this.#input(Input.Reconnect); }

  /** What waits for a link. */
  #buffered(): number {
    this.#module.look(this.#number);
    return this.#module.detail();
  }

  /** Gives the machine an input, does all that follows, and returns the machine's answer. An input that comes amid that, from the app, changes the machine at
   * once; what follows from it waits its turn. */
  #input(what: number, a?: number, b?: number, flag?: boolean): number {
    if (!this.machine) return OVER;
    const answer = this.#module.input(this.#number, performance.now(), Date.now(), what, a, b, flag);
    if (!this.#acting) {
      this.#acting = true;
      while (this.machine && this.#act(this.#module.next(this.#number, performance.now(), Date.now(), this.hidden()))) {}
      this.#acting = false;
    }
    return answer;
  }

  /** Does the machine's word, if there is one. */
  #act(what: number): boolean {
    const detail = this.#module.detail();
    switch (what) {
      case Told.Open:
        this.#tell(0);
        break;
      case Told.Error:
        this.#tell(2);
        break;
      case Told.Closed:
        this.#closed(detail, this.#module.more());
        break;
      case Told.Connect:
        this.#connect();
        break;
      case Told.Send:
        this.#send(detail);
        break;
      case Told.Close:
        if (detail) this.#socket?.close(detail, this.#reason);
        else this.#socket?.close();
        break;
      case Told.Abandon:
        this.#abandon();
        break;
      case Told.Start:
        this.start(detail);
        break;
      case Told.Stop:
        this.stop();
    }
    return what > 0;
  }

  #connect(): void {
    const attempt = ++this.#attempt;
    const { provider } = this.#options;
    if (!provider) return this.#open(this.url);
    provider(url => {
      if (attempt !== this.#attempt || !this.machine) return;
      if (url) this.#open(url);
      else this.#input(Input.Unable);
    });
  }

  #open(url: string): void {
    this.url = url;
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, this.#protocols);
    } catch {
      // What the platform refuses once it always refuses; a provider may know better the next time.
      return void this.#input(Input.Unable, 0, 0, !this.#options.provider);
    }
    this.#socket = socket;
    socket.binaryType = this.#binaryType;
    socket.onopen = () => this.#input(Input.Opened);
    socket.onmessage = ({ data }) => {
      if (this.#input(Input.Heard) === 1) this.#tell(1, data);
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      this.#socket = undefined;
      this.#said = { reason, wasClean };
      this.#input(Input.Closed, code, guarded(() => this.#options.fatal?.(code, reason)) ? 1 : 0, wasClean);
    };
  }

  #send(number: number): void {
    const data = this.#messages.get(number);
    if (number) this.#messages.delete(number);
    try {
      this.#socket?.send(data as string);
    } catch {
      // It has closed, and says so next.
    }
  }

  #abandon(): void {
    this.#attempt++;
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #closed(code: number, retryIn: number): void {
    const { reason, wasClean } = this.#said ?? { reason: "", wasClean: false };
    this.#said = undefined;
    const again = !Number.isNaN(retryIn);
    if (!again) {
      this.#left = this.#buffered();
      this.#messages.clear();
      this.end();
    }
    this.#tell(3, code, reason, wasClean, again ? retryIn : undefined);
  }
}
