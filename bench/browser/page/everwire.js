// Everwire as an app uses it.

import { Client, init } from "/everwire/index.js";

export const loaded = init();

export function everwire(transport, deliver) {
  const client = new Client(location.origin, { transports: [transport] });
  const room = client.subscribe("bench", { from: "earliest" });
  room.onmessage = message => deliver(message.data);
  return () => client.close();
}
