// What wasm-bindgen makes of `sdk/js`, as the face uses it. Which build of it is meant decides the bundle (`xtask/src/build/pack.rs`).

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
