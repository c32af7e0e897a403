// What stands for wasm-bindgen's own glue in the client's bundle (`xtask/src/build/pack.rs`): the same interface, with the module that has
// nothing of a browser behind it.

import { exported, fetched } from "./plain.js";
import { stands, type ClientModule } from "./client.js";
import type { Input } from "everwire-glue";

export { Client } from "./client.js";

/** Loads the module, once: compiled as it comes, where its server says what it is. */
export default async function init(options: { module_or_path: Input | Promise<Input> }): Promise<void> {
  const given = await fetched(options.module_or_path);
  stands(await (!(given instanceof Response) ? exported(given)
    : given.headers.get("content-type") === "application/wasm" ? WebAssembly.instantiateStreaming(given).then(({ instance }) => instance.exports)
    : exported(await given.arrayBuffer())) as unknown as ClientModule);
}
