// Remembers the memory of the wasm module that is loaded: a package does not show it. To be imported before anything loads one.

let memory;

for (const name of ["instantiate", "instantiateStreaming"]) {
  const load = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const loaded = await load.apply(WebAssembly, args);
    memory = (loaded.instance ?? loaded).exports.memory;
    return loaded;
  };
}

/** Its bytes. */
export const wasmBytes = () => memory.buffer.byteLength;
