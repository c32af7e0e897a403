// The page: opens one client, takes what comes, checks that every message came once and in order, and says how long it took.
// What is to be measured, and how often, is decided outside.

import "./wasm.js";
import { clients } from "./clients.js";
import { loaded } from "./everwire.js";
import { leaks } from "./leaks.js";

const control = new WebSocket(location.origin.replace("http", "ws") + "/control");
const opened = new Promise((resolve, reject) => { control.onopen = resolve; control.onerror = reject; });

/** Tells the other side something, and waits until it is done. */
function tell(command) {
  return new Promise(resolve => {
    control.onmessage = resolve;
    control.send(JSON.stringify(command));
  });
}

let expected = 1;
let last = 0;
let reached = () => {};
let failed = () => {};

function deliver(data) {
  if (data.seq !== expected) failed(new Error(`message ${expected} was to come, and ${data.seq} came`));
  if (expected++ === last) reached(performance.now());
}

/** Waits for the message with this number; gives the time of it. */
function until(seq) {
  return new Promise((resolve, reject) => {
    [last, reached, failed] = [seq, resolve, reject];
  });
}

let close = () => {};

globalThis.bench = {
  clients: Object.fromEntries(Object.entries(clients).map(([name, { frames }]) => [name, !!frames])),

  /** Everything is loaded. */
  async ready() {
    await Promise.all([opened, loaded]);
  },

  /** Opens a client and waits for its first message. Returns the milliseconds from the constructor to there. */
  async open(name, plan) {
    await tell({ plan });
    expected = 1;
    const first = until(1);
    const start = performance.now();
    close = clients[name].open(deliver);
    const time = await first - start;
    await tell({ ready: true });
    return time;
  },

  /** All that was planned. Returns the milliseconds that it took. */
  async blast(count) {
    const all = until(expected + count - 1);
    const start = performance.now();
    control.send('{"blast":true}');
    return await all - start;
  },

  /** One message after the other, each asked for when the one before has come. Returns the milliseconds of each. */
  async ping(times) {
    const latencies = [];
    for (let i = 0; i < times; i++) {
      const next = until(expected);
      const start = performance.now();
      control.send('{"one":true}');
      latencies.push(await next - start);
    }
    return latencies;
  },

  async close() {
    await close();
    close = () => {};
  },
};

globalThis.leaks = leaks;
