// What is measured, in which order, and how often. Knows the page by what it offers, and nothing of any client.

import * as chromium from "./browser.mjs";

/** The bytes of messages that a measurement sends, about: those of clients that are quick by frames, and of the others. */
const BYTES = { quick: 18e6, slow: 3e6 };
/** Small messages cost more than their bytes. */
const MOST = { quick: 100_000, slow: 12_000 };
const PINGS = 60;
const MEMORY_MESSAGES = 100_000;
/** Messages in a frame, where frames hold many: a busy server's, and as many as Everwire's server puts in when it catches up. */
const SOME = 64;
const DEADLINE = 60_000;

export const median = values => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
};

export const percentile = (values, share) => values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];

export class Measuring {
  /** How many measurements were taken. */
  count = 0;

  constructor(browser, origin, batches, only) {
    Object.assign(this, { browser, origin, batches, only });
  }

  /** Everything. */
  async all({ sizes, rounds, scale, memory }) {
    this.page = await chromium.open(this.browser, this.origin);
    const clients = await this.page.page.evaluate(() => globalThis.bench.clients);
    const wanted = Object.entries(clients).filter(([name]) => this.only.length === 0 || this.only.includes(name));
    const throughput = {};
    const latency = {};
    for (const size of sizes) {
      const runs = wanted.flatMap(([name, frames]) => this.runs(name, frames, size));
      for (let round = 0; round < rounds; round++) {
        const from = round % runs.length;
        for (const run of [...runs.slice(from), ...runs.slice(0, from)]) {
          const [sample, times] = await this.one(run, size, scale);
          ((throughput[size] ??= {})[run.label] ??= []).push(sample);
          if (size === sizes[0]) (latency[run.label] ??= []).push(times);
        }
      }
    }
    const memories = {};
    if (memory) for (const [name] of wanted) memories[name] = await this.memory(name);
    return { throughput, latency, memories };
  }

  /** Where frames hold many, it is measured with some and with many. */
  runs(name, frames, size) {
    const full = this.batches[size];
    if (!frames) return [{ name, label: name, batch: 1 }];
    return [SOME, full].filter(batch => batch === full || batch < full)
      .map(batch => ({ name, batch, label: batch === full ? `${name}, 64 KiB a frame` : `${name}, ${batch} a frame` }));
  }

  /** One client, opened, sent all at once, then one by one, and closed. */
  async one({ name, batch }, size, scale) {
    const kind = batch > 1 || /SSE|eventsource-client|fetch-event/.test(name) ? "quick" : "slow";
    const count = Math.ceil(Math.min(MOST[kind], BYTES[kind] / size) * scale);
    const connect = await this.run("open", name, { size, count, batch });
    const before = await this.cpu();
    const wall = await this.run("blast", count);
    const after = await this.cpu();
    const times = await this.run("ping", Math.ceil(PINGS * Math.min(1, scale * 2)));
    await this.run("close");
    this.count++;
    const each = (to, from) => (to - from) * 1000 / count;
    const sample = { rate: count / wall * 1000, main: each(after.main, before.main), all: each(after.all, before.all), connect };
    return [sample, times];
  }

  /** What a client holds after many messages, in a page of its own, over what the page held before. */
  async memory(name) {
    const shared = this.page;
    this.page = await chromium.open(this.browser, this.origin);
    const before = await chromium.memory(this.page);
    await this.run("open", name, { size: 120, count: MEMORY_MESSAGES, batch: SOME });
    await this.run("blast", MEMORY_MESSAGES);
    const after = await chromium.memory(this.page);
    await this.run("close");
    await this.page.page.close();
    this.page = shared;
    return { heap: after.heap - before.heap, buffers: after.buffers - before.buffers };
  }

  async cpu() {
    return { main: await chromium.mainThread(this.page), all: await chromium.renderers(this.browser) };
  }

  /** Calls the page; an error when it takes for ever, or when anything went wrong there. */
  async run(method, ...args) {
    const { page, errors } = this.page;
    const answer = await page.evaluate(([method, args, deadline]) => Promise.race([
      globalThis.bench[method](...args),
      new Promise((_, reject) => setTimeout(() => reject(new Error(`${method} ${args[0]} takes for ever`)), deadline)),
    ]), [method, args, DEADLINE]);
    if (errors.length > 0) throw errors[0];
    return answer;
  }
}
