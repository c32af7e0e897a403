// Loading the WebAssembly module: once, again after a failure, and explicitly where that is wanted. Nothing is loaded
// by importing this.

import load, * as glue from "everwire-glue";
import source from "everwire-wasm";

/** What a module can be loaded from: an address, a response, its bytes, or itself compiled. */
export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

let loading: Promise<typeof glue> | undefined;

/**
 * Loads the WebAssembly module. `new Client` does that by itself; call it to load ahead of time, or from elsewhere. All calls
 * share one load, the first one's; after a failed one the next call tries again.
 */
export async function init(input?: InitInput | Promise<InitInput>): Promise<void> {
  await loaded(input);
}

/** @internal */
export function loaded(input?: InitInput | Promise<InitInput>): Promise<typeof glue> {
  return loading ??= Promise.resolve()
    .then(() => load({ module_or_path: input ?? source() }))
    .then(() => glue, error => {
      loading = undefined;
      throw error;
    });
}

/** What to wait after so many failures, in milliseconds. */
const WAITS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/**
 * The same for who can wait: tries again after a failure, each time later, and gives up in the end. `told` hears of each failure, with the wait
 * that follows, and says whether to go on. What is no WebAssembly, or is forbidden by the page's policy, stays so. @internal
 */
export async function persistently(told: (failures: number, wait: number) => boolean): Promise<typeof glue> {
  for (let failures = 1; ; failures++) {
    try {
      return await loaded();
    } catch (error) {
      const wait = error instanceof WebAssembly.CompileError ? undefined : WAITS[failures - 1];
      if (wait === undefined) throw error;
      // Clients that lost the same server don't come back to it together.
      const jittered = wait * (0.5 + Math.random() / 2);
      if (!told(failures, jittered)) throw error;
      await new Promise(resolve => setTimeout(resolve, jittered));
    }
  }
}
