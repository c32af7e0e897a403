// Outside of browsers: the client works in Node, Deno and Bun, and importing it on a server does nothing. Also what is easier to see
// without a page: flow control through to the server, and that nothing is lost or left when it is closed in the middle.

import assert from "node:assert/strict";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { here, needed, project, run, version } from "../lib/project.mjs";

const HEAD = `import { Client, EverwireError } from "everwire";
import assert from "node:assert/strict";
import { exchange } from "./exchange.js";
const [server, topic] = process.argv.slice(2);
`;

/** Runs a program in a project of its own; it has to end by itself. */
async function program(name, text, command = [process.execPath]) {
  const folder = await project(name, { files: { "main.mjs": text } });
  const [file, ...args] = command;
  return run(file, [...args, "main.mjs", needed("EVERWIRE_SERVER"), `npm:${name}`], { cwd: folder, timeout: 120_000 });
}

const exchanges = transports => `${HEAD}
for (const transport of ${JSON.stringify(transports)}) {
  const options = transport === "default" ? {} : { transports: [transport] };
  const result = await exchange(Client, server, topic + ":" + transport, options);
  if (transport !== "default") assert.equal(result.transport, transport);
  assert.equal(result.state, "closed");
}
`;

/** The first executable of an npm package for this platform, or nothing. */
async function binary(scope, path) {
  const folder = join(here, "node_modules", scope);
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name, path);
    if (await access(file).then(() => true, () => false)) return file;
  }
  return undefined;
}

const [deno, bun] = [await binary("@deno", "deno"), await binary("@oven", "bin/bun")];
/** A Node that has a `WebSocket`, where there is one for this platform. */
const node22 = await binary(".", "bin/node");
const WEBSOCKET = "WebSocket, SSE, long poll";
const hasWebSocket = typeof WebSocket === "function";

export const cases = [
  {
    name: `Node ${process.versions.node}`, runtime: "Node.js", version: "20 and later", how: "SSE, long poll; WebSocket from 22 on",
    run: () => program("node", exchanges(["sse", "longpoll", ...(hasWebSocket ? ["websocket"] : []), "default"])),
  },
  ...(node22 ? [{
    name: "Node 22, which has a WebSocket",
    run: () => program("node22", exchanges(["websocket", "sse", "longpoll", "default"]), [node22]),
  }] : []),
  ...(deno ? [{
    name: "Deno", runtime: "Deno", version: await version("deno"), how: WEBSOCKET,
    run: () => program("deno", exchanges(["websocket", "sse", "longpoll"]), [deno, "run", "-A", "--no-lock", "--node-modules-dir=manual"]),
  }] : []),
  ...(bun ? [{
    name: "Bun", runtime: "Bun", version: await version("bun"), how: WEBSOCKET,
    run: () => program("bun", exchanges(["websocket", "sse", "longpoll"]), [bun]),
  }] : []),
  {
    name: "importing every entry on a server does nothing, by import and by require",
    run: () => program("harmless", `
import { createRequire } from "node:module";
globalThis.fetch = () => { throw new Error("fetched"); };
WebAssembly.instantiate = WebAssembly.compile = () => { throw new Error("compiled"); };
const require = createRequire(import.meta.url);
for (const entry of ["everwire", "everwire/client", "everwire/inline", "everwire/full", "everwire/websocket", "everwire/eventsource"]) {
  const names = Object.keys(await import(entry));
  if (!names.length || names.length !== Object.keys(require(entry)).filter(name => name !== "__esModule").length) throw new Error(entry);
}
`),
  },
  {
    name: "the browsers' entry, too, can be imported on a server",
    run: () => program("harmless-default", `
import { fileURLToPath } from "node:url";
import { join } from "node:path";
globalThis.fetch = () => { throw new Error("fetched"); };
for (const file of ["index", "client", "full", "websocket", "eventsource"])
  await import(join(fileURLToPath(import.meta.url), "../node_modules/everwire/dist", file + ".js"));
`),
  },
  {
    name: "a loop that is slow pauses the server, and gets all in order",
    run: () => program("slow", `${HEAD}
const COUNT = 6_000;
const writer = new Client(server);
const reader = new Client(server);
const room = reader.subscribe(topic);
const events = room[Symbol.asyncIterator]();
assert.equal((await events.next()).value.type, "subscribed");
let next = 0;
const some = async count => {
  for (const end = Math.min(next + count, COUNT); next < end;) {
    const { value } = await events.next();
    assert.equal(value.type, "message");
    assert.equal(value.data.n, next++);
  }
};
for (let sent = 0; sent < COUNT; sent += 500) {
  await Promise.all(Array.from({ length: 500 }, (_, n) => writer.publish(topic, { n: sent + n })));
  if (sent === 0) await some(10);
}
// It has taken ten; the limits are 1,000 here and as many in the module, and the server keeps the rest.
assert.ok(reader.stats().pauses >= 1, "never paused");
assert.ok(reader.stats().messagesReceived < COUNT, "all came although nobody took it");
await some(COUNT);
writer.close();
reader.close();
`),
  },
  {
    name: "closed in the middle of everything, all that waits hears of it, and the program ends",
    run: () => program("closed", `${HEAD}
for (const ready of [false, true]) {
  const client = new Client(server);
  const room = client.subscribe(topic);
  if (ready) await client.publish(topic, "first");
  // Of what was sent nobody can say what became of it.
  const sent = client.publish(topic, 1);
  const waiting = [client.history(topic), client.presence(topic), room.history(), room.presence()];
  const looped = (async () => { for await (const event of room) assert.notEqual(event.type, "failed"); })();
  client.close();
  client.close();
  await assert.rejects(sent, { name: "EverwireError", code: ready ? "expired" : "closed" });
  for (const { reason } of await Promise.allSettled(waiting)) {
    assert.ok(reason instanceof EverwireError);
    assert.equal(reason.code, ready ? "unavailable" : "closed");
  }
  await looped;
  assert.equal(room.closed, true);
  room.close();
  room.pause();
  client.cut();
  await assert.rejects(client.publish(topic, 2), { code: "closed" });
  assert.equal(client.state, "closed");
}
`),
  },
  {
    name: "events reach callbacks, listeners, loops and batches, each in its order; signals and using close",
    run: () => program("ways", `${HEAD}
const client = new Client(server);
const seen = { handler: [], listener: [], loop: [], batches: [] };
const stop = new AbortController();
const rooms = [0, 1, 2, 3].map(() => client.subscribe(topic, { from: "earliest", signal: stop.signal }));
const all = { then: resolve => { const look = () => Object.values(seen).every(list => list.length === 3) ? resolve() : setTimeout(look, 5); look(); } };
rooms[0].onmessage = ({ data }) => { seen.handler.push(data); };
rooms[1].addEventListener("message", event => {
  assert.ok(event instanceof Event);
  seen.listener.push(event.data);
});
const loops = [
  (async () => { for await (const event of rooms[2]) if (event.type === "message") seen.loop.push(event.data); })(),
  (async () => { for await (const batch of rooms[3].batches()) for (const event of batch) if (event.type === "message") seen.batches.push(event.data); })(),
];
const bytes = new Uint8Array([0, 255]);
const given = { text: "as it was" };
const sent = [client.publish(topic, given), client.publish(topic, bytes), client.publish(topic, "{no json", { kind: "text" })];
given.text = "changed since";
const positions = await Promise.all(sent);
assert.deepEqual(new Set(positions).size, 3);
await all;
for (const list of Object.values(seen)) assert.deepEqual(list, [{ text: "as it was" }, bytes, "{no json"]);
stop.abort();
await Promise.all(loops);
assert.ok(rooms.every(room => room.closed));
const page = await client.history(topic, { limit: 2 });
assert.deepEqual([page.messages.length, page.more, page.messages[1].data], [2, true, "{no json"]);
await assert.rejects(client.publish("not a topic", 1), { name: "EverwireError", code: "bad_topic", retryable: false });
await assert.rejects(client.publish(topic, undefined), { code: "encode" });
assert.throws(() => new Client(server, { persist: true }), { code: "bad_option", message: /everwire\\/full/ });
client[Symbol.dispose]();
assert.equal(client.state, "closed");
`),
  },
];
