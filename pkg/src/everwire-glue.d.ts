// What wasm-bindgen makes of `sdk/js`, `sdk/js-websocket` and `sdk/js-eventsource`, as the face uses it. Which of them is meant decides
// the bundle (`xtask/src/build/pack.rs`): each has its own classes alone.

declare module "everwire-glue" {
  export type Input = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;
  /** Loads the module, once. */
  export default function init(options: { module_or_path: Input | Promise<Input> }): Promise<unknown>;

  export class Client {
    constructor(url: string, options: object);
    readonly state: object;
    onstate(callback: (status: object) => void): void;
    /** Only in the full build. */
    onrestored?(callback: (event: { type: string; error?: unknown }) => void): void;
    subscribe(topic: string, options: object, callback: (batch: never[]) => boolean): Subscription;
    publish(topic: string, value: unknown, options: object | undefined): Promise<unknown> & { id?: string };
    history(topic: string, options: object | undefined): Promise<unknown>;
    presence(topic: string): Promise<unknown>;
    stats(): object;
    setTransports(transports: readonly string[]): void;
    cut(): void;
    goOffline(offline: boolean): void;
    close(): void;
    free(): void;
  }

  export class Subscription {
    readonly conflated: number;
    pause(): void;
    resume(): void;
    more(): void;
    close(): void;
    free(): void;
  }

  /** What a `Socket` tells: 0 an open, 1 a message, 2 an error, 3 a close. */
  export interface SocketFace {
    tell(what: number, data: unknown, code: number, clean: boolean, retry: number): void;
    ask(number: number): void;
    fatal(code: number, reason: string): boolean;
  }

  export class Socket {
    /** Numbers that are `undefined` mean the default. */
    constructor(
      face: SocketFace, url: string | undefined, protocols: readonly string[], backoffBase: number | undefined, backoffMax: number | undefined,
      maxRetries: number | undefined, connectTimeout: number | undefined, ping: string | undefined, silence: number | undefined,
      patience: number | undefined, outboxMessages: number | undefined, outboxBytes: number | undefined,
    );
    readonly readyState: number;
    readonly url: string;
    readonly protocol: string;
    readonly extensions: string;
    readonly bufferedAmount: number;
    set blobs(blobs: boolean);
    provide(number: number, url: string | undefined): void;
    /** 0 when it is taken, 1 when there is no room, 2 when it is over. */
    send(data: unknown, bytes: number): number;
    close(code: number | undefined, reason: string): boolean;
    reconnect(): void;
  }

  /** What a `Source` tells. */
  export interface SourceFace {
    opened(): void;
    message(event: string, data: string, id: string): void;
    failed(why: number, retry: number, status: number, contentType: string | undefined, body: string): void;
    ask(number: number, id: string): void;
    retries(status: number, contentType: string | undefined, body: string): boolean;
  }

  export class Source {
    /** Numbers that are `undefined` mean the default; headers are names and values in turn. */
    constructor(
      face: SourceFace, url: string, id: string, method: string, headers: readonly string[], body: unknown, credentials: 0 | 1 | 2,
      asks: boolean, retries: 0 | 1 | 2, backoffBase: number | undefined, backoffMax: number | undefined, maxRetries: number | undefined,
      connectTimeout: number | undefined, heartbeatTimeout: number | undefined,
    );
    readonly readyState: number;
    readonly url: string;
    readonly origin: string;
    readonly lastEventId: string;
    provide(number: number, url: string | undefined, method: string | undefined, headers: readonly string[], body: unknown): void;
    close(): void;
    reconnect(): void;
    pause(): void;
    resume(): void;
  }
}

declare module "everwire-wasm" {
  /** Where this build's module comes from, when nobody says otherwise. */
  export default function source(): import("everwire-glue").Input;
  /** Whether this build has `shareTabs`, `persist` and `debug`. */
  export const isFull: boolean;
}

declare module "everwire-bytes" {
  const base64: string;
  export default base64;
}
