// Clients of the JavaScript surface, by name, each with what it got: what the tests drive.
// Only this file knows how the surface spells things.

import init, { Client } from "./everwire.js";
import { Recorder } from "./recorder.js";

/** `EPOCH-OFFSET` taken apart. */
function position(text) {
  const [epoch, offset] = text.split("-");
  return { epoch, offset: Number(offset) };
}

function deliver(recorder, event) {
  switch (event.type) {
    case "messages":
      for (let i = 0, start = 0; i < event.count; i++) {
        const data = JSON.parse(event.text.slice(start, event.ends[4 * i]));
        recorder.message({ epoch: event.epoch, offset: event.first + i, data });
        start = event.ends[4 * i + 3];
      }
      break;
    case "subscribed":
      recorder.subscribed({ ...position(event.position), recovered: event.recovered });
      break;
    case "gap":
      recorder.gap({ ...position(event.position), from: event.from, to: event.to, reason: event.reason });
      break;
    case "failed":
      recorder.failed(event.error);
      break;
  }
}

export async function lab() {
  await init();
  const clients = new Map();

  return {
    now: () => performance.now(),

    connect(name, url, transports, times) {
      const client = new Client(url, { transports, ...times });
      const states = [];
      client.onstate(({ state, transport, reason }) => {
        states.push({ state, transport: transport ?? null, reason, at: performance.now() });
      });
      const outcomes = { acked: [], failed: [] };
      clients.set(name, { client, states, outcomes, recorders: new Map(), subscriptions: [] });
    },

    subscribe(name, topic, from) {
      const { client, recorders, subscriptions } = clients.get(name);
      const recorder = new Recorder();
      recorders.set(topic, recorder);
      const take = events => events.forEach(event => deliver(recorder, event));
      subscriptions.push(client.subscribe(topic, { from }, take));
    },

    setTransports(name, transports) {
      clients.get(name).client.setTransports(transports);
    },

    publish(name, topic, messages) {
      const { client, outcomes } = clients.get(name);
      for (const message of messages) {
        client.publish(topic, message).then(
          position => outcomes.acked.push(position),
          error => outcomes.failed.push(`${error.code}: ${error.message}`),
        );
      }
    },

    digest: (name, topic) => clients.get(name).recorders.get(topic).digest(),
    states: name => clients.get(name).states,
    stats: name => clients.get(name).client.stats(),
    outcomes: name => clients.get(name).outcomes,
  };
}
