// What the memory test does with a client: messages, reconnects, and clients that are freed amid everything. How much is held by then is
// looked at from outside.

import { Client } from "/everwire/index.js";
import { wasmBytes } from "./wasm.js";

/** A link that stands, or an error. */
function connected(client) {
  return new Promise((resolve, reject) => {
    client.onstate = ({ state, reason }) => {
      if (state === "connected") resolve();
      if (state === "closed") reject(new Error(`closed: ${reason}`));
    };
  });
}

let client;

export const leaks = {
  wasm: wasmBytes,

  /** Loses the link so often, and comes back each time: one client for all calls. */
  async reconnects(origin, transport, count) {
    if (!client) {
      client = new Client(origin, { transports: [transport] });
      client.subscribe("leaks", { from: "earliest" }).onmessage = () => {};
      await connected(client);
    }
    for (let i = 0; i < count; i++) {
      client.goOffline();
      const back = connected(client);
      client.goOffline(false);
      await back;
    }
    const { reconnects } = client.stats();
    return reconnects;
  },

  /** Clients that are closed while they connect, subscribe, publish and ask: at once, or when something has come. */
  async freed(origin, count) {
    for (let i = 0; i < count; i++) {
      const one = new Client(origin, { transports: [i % 2 ? "sse" : "websocket"] });
      // No more for a later one than for an earlier one: the topic grows.
      const room = one.subscribe("leaks", { from: { last: 10 }, presence: true });
      room.onmessage = () => {};
      const asked = [one.publish("leaks", { i }), one.history("leaks", { limit: 10 }), one.presence("leaks")];
      if (i % 3 === 0) await asked[0];
      if (i % 3 === 1) await connected(one);
      one.close();
      room.close();
      await Promise.allSettled(asked);
    }
  },
};
