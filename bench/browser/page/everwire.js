// Everwire as an app uses it.

import init, { Client } from "/everwire/everwire.js";

export const loaded = init();

export function everwire(transport, deliver) {
  const client = new Client(location.origin, { transports: [transport] });
  client.subscribe("bench", { from: "earliest" }, events => {
    for (const event of events) {
      if (event.type !== "messages") continue;
      for (let i = 0; i < event.count; i++) {
        const start = i === 0 ? 0 : event.ends[4 * i - 1];
        deliver(JSON.parse(event.text.slice(start, event.ends[4 * i])));
      }
    }
  });
  return () => { client.close(); client.free(); };
}
