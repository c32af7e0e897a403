/// <reference lib="dom" preserve="true" />
// The host of the WebSocket's machine: the platform's socket, and what waits to be sent. What is done when is decided in the machine
// (`sdk/js-websocket`); this does it.

import { guarded } from "./dropin.js";
import { Host } from "./page.js";
import type * as glue from "everwire-glue";

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

/** @internal */
export class Socket extends Host<glue.SocketMachine> {
  url: string;
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

  constructor(Machine: typeof glue.SocketMachine, url: string, protocols: string[], options: SocketOptions, tell: TellSocket) {
    super();
    this.url = url;
    this.#protocols = protocols;
    this.#options = options;
    this.#tell = tell;
    this.#binaryType = options.binaryType;
    const { maxRetries, connectTimeout, backoffBase, backoffMax, heartbeatMessage: ping, heartbeatInterval, heartbeatTimeout } = options;
    const { outboxMessages, outboxBytes } = options;
    this.#messages.set(0, ping);
    this.live(new Machine(
      this, Math.random() * 2 ** 53, maxRetries, connectTimeout, backoffBase, backoffMax, ping !== undefined, heartbeatInterval, heartbeatTimeout,
      outboxMessages, outboxBytes,
    ));
    this.machine?.reconnect();
  }

  get readyState(): number { return this.machine?.state() ?? CLOSED; }
  get protocol(): string { return this.#socket?.protocol ?? ""; }
  get extensions(): string { return this.#socket?.extensions ?? ""; }
  get bufferedAmount(): number { return (this.machine?.buffered() ?? this.#left) + (this.#socket?.bufferedAmount ?? 0); }

  setBinaryType(type: BinaryType): void {
    this.#binaryType = type;
    if (this.#socket) this.#socket.binaryType = type;
  }

  /** 0 when it is taken, 1 when there is no room, 2 when it is over. */
  send(data: unknown, bytes: number): number {
    this.#messages.set(++this.#last, data);
    const answer = this.machine?.send(this.#last, bytes) ?? 2;
    if (answer) this.#messages.delete(this.#last);
    return answer;
  }

  close(code: number | undefined, reason: string): void {
    this.#reason ??= reason;
    this.machine?.close(code ?? 0);
  }

  reconnect(): void { this.machine?.reconnect(); }

  /** The machine's word. */
  act(what: number, detail: number, more: number): void {
    switch (what) {
      case 0: return this.#tell(0);
      case 1: return this.#tell(2);
      case 2: return this.#closed(detail, more);
      case 3: return this.#connect();
      case 4: return this.#send(detail);
      case 5: return detail ? this.#socket?.close(detail, this.#reason) : this.#socket?.close();
      case 6: return this.#abandon();
      case 7: return this.start(detail);
      case 8: return this.stop();
    }
  }

  #connect(): void {
    const attempt = ++this.#attempt;
    const { provider } = this.#options;
    if (!provider) return this.#open(this.url);
    provider(url => {
      if (attempt !== this.#attempt || !this.machine) return;
      if (url) this.#open(url);
      else this.machine.unable(false);
    });
  }

  #open(url: string): void {
    this.url = url;
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, this.#protocols);
    } catch {
      // What the platform refuses once it always refuses; a provider may know better the next time.
      return this.machine?.unable(!this.#options.provider);
    }
    this.#socket = socket;
    socket.binaryType = this.#binaryType;
    socket.onopen = () => this.machine?.opened();
    socket.onmessage = ({ data }) => {
      if (this.machine?.heard()) this.#tell(1, data);
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      this.#socket = undefined;
      this.#said = { reason, wasClean };
      this.machine?.closed(code, wasClean, guarded(() => this.#options.fatal?.(code, reason)));
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
      this.#left = this.machine?.buffered() ?? 0;
      this.#messages.clear();
      this.end();
    }
    this.#tell(3, code, reason, wasClean, again ? retryIn : undefined);
  }
}
