// The module with all that is optional, from its own address.

export const isFull = true;

export default (): URL => new URL("./everwire_full_bg.wasm", import.meta.url);
