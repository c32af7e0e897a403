// The event source's module from its own address.

export const isFull = false;

export default (): URL => new URL("./everwire_eventsource_bg.wasm", import.meta.url);
