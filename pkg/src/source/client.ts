// The client's module from its own address, beside this file: bundlers see the URL, and bring the file along.

export const isFull = false;

export default (): URL => new URL("./everwire_bg.wasm", import.meta.url);
