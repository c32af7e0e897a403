// What stands for wasm-bindgen's own glue in the client's bundle (`xtask/src/build/pack.rs`): the same interface, with the module that has
// nothing of a browser behind it.

import { reads } from "./client.js";
import load from "everwire-machine";
import type { Input } from "everwire-glue";

export { Client } from "./client.js";

/** Loads the module, once. */
export default async function init(options: { module_or_path: Input | Promise<Input> }): Promise<void> {
  reads((await load(options)).memory);
}
