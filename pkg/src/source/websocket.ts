// The WebSocket's module from its own address.

export const isFull = false;

export default (): URL => new URL("./everwire_websocket_bg.wasm", import.meta.url);
