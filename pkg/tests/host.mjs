// The client's host: what waits for an app is bounded and in order, and the snapshot hook leaves nothing out.
// Runs in Node: `node pkg/tests/host.mjs`.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { mock } from "node:test";

import { runAll } from "./parts/run.mjs";

const { buildSync } = createRequire(join(import.meta.dirname, "../../xtask/node/package.json"))("esbuild");

/** A module of the face, with all that it imports. */
async function source(path) {
  const entryPoints = [join(import.meta.dirname, "../src", path)];
  const { outputFiles: [{ text }] } = buildSync({ entryPoints, bundle: true, format: "esm", target: "es2022", write: false });
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

const { Queue } = await source("host/queue.ts");
const { Subscription } = await source("host/subscription.ts");
const { Input, Reader } = await source("host/records.ts");
const { messages } = await source("delivery.ts");

/** A run as `Reader.run` gives it: payloads are offsets. */
function run(first, keys, epoch = "e") {
  const count = keys.length, ends = [];
  let text = "";
  for (let index = 0; index < count; index++) {
    text += (index ? "," : "[") + (first + index);
    ends.push(text.length);
  }
  text += "]";
  const known = keys.map(key => (text += key ?? "").length);
  return {
    type: "messages", count, first, epoch, numbers: [...Array(count).fill(0), ...ends, ...known, ...known, ...known], text: text + epoch, about: true,
    size: 10 * count, left: count, rest: 10 * count,
  };
}

const plain = (first, count) => run(first, Array.from({ length: count }));
const member = id => ({ id });
const drain = queue => {
  const all = [];
  for (let entry; (entry = queue.shift());) all.push(entry);
  return all;
};
/** What is told, in short: offsets of messages, types of all else. */
const told = events => events.flatMap(event => event.type === "messages" ? messages(event).map(({ offset }) => offset) : [event.type]);
const turn = () => new Promise(resolve => setImmediate(resolve));

/** A subscription whose batches and reports are kept; `wants` says whether it goes on. */
function subscribe(options = {}, wants = () => true) {
  const inputs = [], batches = [];
  const subscription = new Subscription((...input) => inputs.push(input), batch => {
    batches.push(batch);
    return wants();
  }, options);
  subscription.id = 7;
  return { subscription, inputs, batches, told: () => batches.map(told) };
}

const tests = {
  "ephemeral messages that nobody takes give way to newer ones"() {
    const queue = new Queue(false);
    for (let time = 0; time < 300; time++) queue.push({ type: "ephemeral", time, kind: 0, text: "1" });
    const left = drain(queue);
    assert.deepEqual([left.length, left[0].time, left.at(-1).time], [256, 44, 299]);
    for (let time = 0; time < 300; time++) queue.push({ type: "ephemeral", time, kind: 0, text: "1" });
    assert.equal(drain(queue).length, 256, "what was taken is not counted");
  },

  "who comes and goes unseen is told once, or not at all"() {
    const queue = new Queue(false);
    queue.push({ type: "members", members: [member("known")] });
    queue.shift();
    for (let i = 0; i < 64; i++) queue.push({ type: "join", member: member(`m${i}`) });
    queue.push({ type: "leave", member: member("m1") });
    queue.push({ type: "leave", member: member("known") });
    queue.push({ type: "leave", member: member("nobody") });
    for (let i = 0; i < 1_000; i++) queue.push({ type: i % 2 ? "leave" : "join", member: member("flutters") });
    const left = drain(queue).map(({ type, member }) => `${type} ${member.id}`);
    assert.equal(left.length, 64, "m1 and who flutters are not told of");
    assert.ok(left.includes("leave known") && !left.some(line => /m1$|nobody|flutters/.test(line)));
  },

  "a new list of members takes the place of what was said of them"() {
    const queue = new Queue(false);
    queue.push({ type: "members", members: [] });
    queue.push({ type: "join", member: member("a") });
    queue.push(plain(1, 1));
    queue.push({ type: "members", members: [member("a")] });
    assert.deepEqual(told(drain(queue)), [1, "members"]);
  },

  "a link that comes and goes is told once"() {
    const queue = new Queue(false);
    const subscribed = { type: "subscribed", position: "e-1", recovered: true };
    for (let i = 0; i < 100; i++) {
      queue.push({ ...subscribed });
      queue.push({ type: "members", members: [] });
    }
    queue.push(plain(2, 1));
    queue.push(subscribed);
    assert.deepEqual(told(drain(queue)), ["subscribed", "members", 2, "subscribed"]);
  },

  "of each key only the newest waits, and what gives way counts as taken"() {
    const queue = new Queue(true);
    assert.deepEqual(queue.push(run(1, ["a", "b", undefined, "a"])), { messages: 1, bytes: 10 });
    assert.deepEqual(queue.push(run(5, ["b", "c"])), { messages: 1, bytes: 10 });
    assert.deepEqual(queue.push(run(7, ["a", "a"])), { messages: 2, bytes: 20 });
    const left = drain(queue);
    assert.deepEqual([told(left), queue.conflated], [[3, 5, 6, 8], 4]);
    assert.deepEqual(left.map(({ left, rest }) => [left, rest]), [[1, 10], [2, 20], [1, 10]]);
    for (let i = 0; i < 1_000; i++) queue.push(run(9 + i, ["a"]));
    assert.equal(drain(queue).length, 1, "an empty run waits for nothing");
  },

  "bytes of what gives way add up however they are cut"() {
    const queue = new Queue(true);
    const all = { messages: 0, bytes: 0 };
    for (let i = 0; i < 50; i++) {
      const odd = Object.assign(run(1 + 3 * i, ["a", "b", "c"]), { size: 100, rest: 100 });
      const gone = queue.push(odd);
      all.messages += gone.messages;
      all.bytes += gone.bytes;
    }
    for (const { left, rest } of drain(queue)) {
      all.messages += left;
      all.bytes += rest;
    }
    assert.deepEqual(all, { messages: 150, bytes: 5_000 });
  },

  async "all that waits is handed over at once, and reported as taken when it is much"() {
    const { subscription, inputs, told } = subscribe();
    subscription.push({ type: "subscribed", position: "e-0", recovered: false });
    subscription.push(plain(1, 2));
    subscription.push(plain(3, 1));
    assert.deepEqual(told(), [], "not from within");
    await turn();
    assert.deepEqual([told(), inputs], [[["subscribed", 1, 2, 3]], []]);
    subscription.push(plain(4, 60));
    await turn();
    assert.deepEqual(inputs, [[Input.Consumed, 7, 63, 630]]);
    subscription.push({ ...plain(64, 1), rest: 300_000 });
    await turn();
    assert.deepEqual(inputs.at(-1), [Input.Consumed, 7, 1, 300_000], "by its bytes, too");
  },

  async "a callback that wants no more is not called before it asks"() {
    const { subscription, told } = subscribe({}, () => false);
    subscription.push(plain(1, 1));
    await turn();
    subscription.push(plain(2, 1));
    subscription.end();
    await turn();
    assert.deepEqual(told(), [[1]]);
    subscription.more();
    await turn();
    subscription.more();
    await turn();
    assert.deepEqual(told(), [[1], [2], []], "an empty batch is the end");
  },

  async "what is closed hands nothing over"() {
    const { subscription, inputs, told } = subscribe();
    subscription.push(plain(1, 1));
    subscription.close();
    await turn();
    assert.deepEqual([told(), inputs], [[], [[Input.Unsubscribe, 7]]]);
  },

  async "messages wait for the snapshot, and what it has does not come again"() {
    const asked = [], answers = [];
    const snapshot = position => {
      asked.push(position);
      return new Promise(resolve => answers.push(resolve));
    };
    const { subscription, inputs, told } = subscribe({ snapshot });
    subscription.push({ type: "subscribed", position: "e-4", recovered: false });
    subscription.push(plain(5, 60));
    await turn();
    assert.deepEqual([told(), asked], [[["subscribed"]], ["e-4"]]);
    answers[0]({ state: 1, position: "e-6" });
    await turn();
    assert.deepEqual(told().at(-1).slice(0, 2), ["snapshot", 7]);
    assert.deepEqual(inputs, [[Input.Consumed, 7, 60, 600]], "what is left out is taken, too");
    subscription.push({ type: "subscribed", position: "e-64", recovered: true });
    subscription.push({ type: "gap", from: 65, reason: "epoch", position: "f-2" });
    subscription.push(run(3, [undefined], "f"));
    await turn();
    assert.deepEqual([told().at(-1), asked], [["subscribed", "gap"], ["e-4", "f-2"]], "a link that is back asks for nothing, a gap does");
    answers[1]({ state: 2, position: "e-900" });
    await turn();
    assert.deepEqual(told().at(-1), ["snapshot", 3], "a position of another epoch says nothing");
  },

  async "a snapshot that fails is told of and asked again, and one that is too slow counts as failed"() {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const outcomes = [() => { throw new Error("no"); }, () => new Promise(() => {}), () => ({ state: "good" })];
      const { subscription, batches, told } = subscribe({ snapshot: () => outcomes.shift()() });
      subscription.push({ type: "subscribed", position: "e-0", recovered: false });
      subscription.push(plain(1, 1));
      await turn();
      await turn();
      mock.timers.tick(500);
      await turn();
      mock.timers.tick(30_000);
      await turn();
      mock.timers.tick(1_000);
      await turn();
      await turn();
      assert.deepEqual(told(), [["subscribed"], ["snapshotfailed"], ["snapshotfailed"], ["snapshot", 1]]);
      const [first, second] = [batches[1][0], batches[2][0]];
      assert.deepEqual([first.message, first.attempt, second.message, second.attempt], ["no", 1, "the snapshot took too long", 2]);
      assert.ok(first.retryIn <= 500 && second.retryIn <= 1_000);
    } finally {
      mock.timers.reset();
    }
  },

  async "an end while the snapshot is asked leaves the messages out, and tells the rest"() {
    const { subscription, told } = subscribe({ snapshot: () => new Promise(() => {}) });
    subscription.push({ type: "subscribed", position: "e-0", recovered: false });
    await turn();
    subscription.push(plain(1, 3));
    subscription.push({ type: "failed", error: new Error("forbidden") });
    await turn();
    assert.deepEqual(told(), [["subscribed"], ["failed"], []]);
    subscription.close();
  },

  "what the module writes is read where it lies"() {
    const parts = [];
    const number = value => parts.push(new Uint8Array(new Float64Array([value]).buffer));
    const bytes = text => {
      number(text.length);
      parts.push(new TextEncoder().encode(text));
    };
    [0, 12, NaN].forEach(number);
    bytes("a\ufeff".slice(0, 1));
    number(-1);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    new DataView(parts[0].buffer).setFloat64(0, length, true);
    const memory = new Uint8Array(length + 3);
    let at = 3;
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
    const reader = new Reader();
    reader.begin(memory.buffer, 3);
    assert.deepEqual([reader.number(), reader.maybe(), reader.text(), reader.more, reader.maybeText(), reader.more], [12, undefined, "a", true, undefined, false]);
  },
};

await runAll(tests);
