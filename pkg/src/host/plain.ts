/// <reference lib="dom" preserve="true" />
// What stands for wasm-bindgen's glue where only numbers cross the border and the module imports nothing (`xtask/src/build/pack.rs`):
// what it exports is used as it is.

import type { Input } from "everwire-glue";

/** What the module exports, once it is loaded. */
export let module: unknown;

/** Loads the module. */
export default async function load(options: { module_or_path: Input | Promise<Input> }): Promise<void> {
  const given = await fetched(options.module_or_path);
  // As a whole, and whatever type its server says that it has: there is too little of it to compile it as it comes.
  module = await exported(given instanceof Response ? await given.arrayBuffer() : given);
}

/** The module, or the answer that has it. */
export async function fetched(from: Input | Promise<Input>): Promise<Response | BufferSource | WebAssembly.Module> {
  let given = await from;
  if (typeof given === "string" || given instanceof URL || given instanceof Request) given = await fetch(given);
  // What was not found is no module that is broken: it may be there the next time.
  if (given instanceof Response && !given.ok) throw new Error(`the module's address answers ${given.status}`);
  return given;
}

/** What it exports. */
export async function exported(given: BufferSource | WebAssembly.Module): Promise<WebAssembly.Exports> {
  const made = await WebAssembly.instantiate(given as BufferSource) as WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance;
  return ("instance" in made ? made.instance : made).exports;
}
