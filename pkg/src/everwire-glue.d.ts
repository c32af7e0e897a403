// What wasm-bindgen makes of `sdk/js` and the crates beside it, as the face and its hosts use it. Which of them is meant decides
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

  type Maybe = number | undefined;

  /** The WebSocket's module: what `sdk/js-websocket` exports. */
  export interface SocketModule {
    /** Returns the machine's number. */
    create(
      seed: number, maxRetries: Maybe, connectTimeout: Maybe, backoffBase: Maybe, backoffMax: Maybe, pings: boolean, silence: Maybe, patience: Maybe,
      messages: Maybe, bytes: Maybe,
    ): number;
    /** Returns the machine's answer, a number. */
    input(machine: number, monotonic: number, wall: number, what: number, a: Maybe, b: Maybe, flag: boolean | undefined): number;
    /** What to do next; 0: nothing. */
    next(machine: number, monotonic: number, wall: number, hidden: boolean): number;
    /** Of what is next. */
    detail(): number;
    more(): number;
    /** Returns the state, and leaves the bytes that wait as `detail`. */
    look(machine: number): number;
    destroy(machine: number): void;
  }

  /** The event source's module: what `sdk/js-eventsource` exports. */
  export interface SourceModule {
    readonly memory: WebAssembly.Memory;
    /** Where the bytes are to be put that go with the next call. */
    room(length: number): number;
    /** With the id in the bytes. Returns the machine's number. */
    create(seed: number, maxRetries: Maybe, connectTimeout: Maybe, backoffBase: Maybe, backoffMax: Maybe, heartbeatTimeout: Maybe): number;
    /** Returns whether the answer that it tells of is a stream: 0 or 1. */
    input(machine: number, monotonic: number, wall: number, what: number, request: Maybe, number: Maybe, flag: boolean | undefined): number;
    /** What to do next; 0: nothing. */
    next(machine: number, monotonic: number, wall: number, hidden: boolean): number;
    /** Of what is next; of a text, where it stands, and its length. */
    detail(): number;
    more(): number;
    /** Returns the state, and leaves the last event's id as the text. */
    look(machine: number): number;
    destroy(machine: number): void;
  }

  /** Of the drop-in whose module it is. */
  export const module: SocketModule & SourceModule;
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
