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
        const end = event.numbers[event.count + i];
        const data = JSON.parse(event.text.slice(start + 1, end));
        recorder.message({ epoch: event.epoch, offset: event.first + i, data, at });
        start = end;
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

const base64 = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** A token for everything, of so many seconds from now, signed with HS256. */
async function sign(secret, life) {
  const utf8 = text => new TextEncoder().encode(text);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", utf8(secret), hmac, false, ["sign"]);
  const claims = {
    sub: "ada",
    exp: now() / 1000 + life,
    everwire: { subscribe: ["*"], publish: ["*"], presence: ["*"] },
  };
  const text = [{ alg: "HS256", typ: "JWT" }, claims].map(part => base64(utf8(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign("HMAC", key, utf8(text));
  return { token: `${text}.${base64(signature)}`, end: claims.exp * 1000 };
}

/** A provider of tokens. One that is careless gives the same token until its end, as a cache does. */
function provider({ secret, life, careless }, ends) {
  let last = null;
  return async () => {
    if (!careless || !last || last.end <= now()) {
      last = await sign(secret, life);
      ends.push(last.end);
    }
    return last.token;
  };
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

    connect(name, url, transports, { tokens, ...options }) {
      const tokenEnds = [];
      if (transports.length) options.transports = transports;
      if (tokens) options.token = provider(tokens, tokenEnds);
      const client = new Client(url, options);
      const states = [];
      client.onstate(({ state, transport, reason }) => {
        states.push({ state, transport: transport ?? null, reason, at: now() });
      });
      const outcomes = { acked: [], failed: [] };
      const sent = [];
      clients.set(name, { client, states, outcomes, sent, tokenEnds, recorders: new Map(), subscriptions: [] });
    },

    /** Publishes 1, 2, 3 … until told to stop. */
    keepPublishing(name, topic, interval) {
      const entry = clients.get(name);
      entry.publishing = setInterval(() => send(entry.client, topic, entry.sent), interval);
    },

    /** Publishes so many more at once. */
    publishMore(name, topic, count) {
      const { client, sent } = clients.get(name);
      for (let i = 0; i < count; i++) send(client, topic, sent);
    },

    /** How many publishes the database of that name keeps. */
    stored: database => new Promise((resolve, reject) => {
      const opening = indexedDB.open(database);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const counting = opening.result.transaction("outbox").objectStore("outbox").count();
        counting.onerror = () => reject(counting.error);
        counting.onsuccess = () => {
          opening.result.close();
          resolve(counting.result);
        };
      };
    }),

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

    tokenEnds: name => clients.get(name).tokenEnds,
    pause: name => clients.get(name).subscriptions.forEach(subscription => subscription.pause()),
    resume: name => clients.get(name).subscriptions.forEach(subscription => subscription.resume()),

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
