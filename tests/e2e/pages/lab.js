// Clients of the JavaScript surface, by name, each with what it got: what the tests drive.
// Only this file knows how the surface spells things.

import init, { Client } from "./everwire.js";
import { Recorder } from "./recorder.js";

/** `EPOCH-OFFSET` taken apart. */
function position(text) {
  const [epoch, offset] = text.split("-");
  return { epoch, offset: Number(offset) };
}

/** The page's clock, as moments that another page, or this one after a reload, can compare. */
const now = () => performance.timeOrigin + performance.now();

function deliver(recorder, event, at) {
  switch (event.type) {
    case "messages":
      for (let i = 0, start = 0; i < event.count; i++) {
        const data = JSON.parse(event.text.slice(start, event.ends[4 * i]));
        recorder.message({ epoch: event.epoch, offset: event.first + i, data, at });
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

/** What happens to the page itself, each with its moment. */
function watchPage() {
  const events = [];
  const note = event => events.push({
    type: event.type,
    persisted: event.persisted ?? null,
    hidden: document.hidden,
    at: now(),
  });
  for (const type of ["pagehide", "pageshow", "online", "offline"]) addEventListener(type, note);
  for (const type of ["visibilitychange", "freeze", "resume"]) document.addEventListener(type, note);
  return events;
}

export async function lab() {
  const pageEvents = watchPage();
  await init();
  const clients = new Map();

  /** Publishes `n` in its turn, and writes down what became of it. */
  function send(client, topic, sent) {
    const one = { n: sent.length + 1, position: null, error: null, at: null };
    sent.push(one);
    const settled = fields => Object.assign(one, fields, { at: now() });
    client.publish(topic, { run: "up", n: one.n }).then(
      position => settled({ position }),
      error => settled({ error: `${error.code}: ${error.message}` }),
    );
  }

  /** When a client's link was found lost after that moment, and when that message of a topic came. */
  function recovery({ states, recorders }, since, topic, place) {
    const lost = states.find(({ state, at }) => at >= since && state !== "connected");
    return { noticed: lost?.at ?? null, reason: lost?.reason ?? null, back: recorders.get(topic).arrival(place) };
  }

  return {
    now,
    pageEvents: () => pageEvents,

    connect(name, url, transports, options) {
      const client = new Client(url, { transports: transports.length ? transports : undefined, ...options });
      const states = [];
      client.onstate(({ state, transport, reason }) => {
        states.push({ state, transport: transport ?? null, reason, at: now() });
      });
      const outcomes = { acked: [], failed: [] };
      const sent = [];
      clients.set(name, { client, states, outcomes, sent, recorders: new Map(), subscriptions: [] });
    },

    /** Publishes 1, 2, 3 … until told to stop. */
    keepPublishing(name, topic, interval) {
      const entry = clients.get(name);
      entry.publishing = setInterval(() => send(entry.client, topic, entry.sent), interval);
    },

    stopPublishing: () => clients.forEach(({ publishing }) => clearInterval(publishing)),
    sent: name => clients.get(name).sent,
    recovery: (name, since, topic, place) => recovery(clients.get(name), since, topic, place),

    subscribe(name, topic, from) {
      const { client, recorders, subscriptions } = clients.get(name);
      const recorder = new Recorder();
      recorders.set(topic, recorder);
      const take = events => {
        const at = now();
        events.forEach(event => deliver(recorder, event, at));
      };
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
