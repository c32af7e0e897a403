// Whether anything leaks: one client over thousands of reconnects and a million messages, in Chromium, with the JavaScript heap and wasm's
// memory looked at after each tenth. `node memory.mjs --server EXECUTABLE [--reconnects N] [--messages N]`. Flat means that the end is no higher than the
// first tenth, but for what a heap swings by itself.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as chromium from "./src/browser.mjs";
import { buildPage } from "./src/build.mjs";
import { record, start } from "./src/everwire.mjs";
import { serve } from "./src/server.mjs";

const { values: options } = parseArgs({
  options: {
    server: { type: "string" },
    reconnects: { type: "string", default: process.env.EVERWIRE_MEMORY_RECONNECTS ?? "1000" },
    messages: { type: "string", default: process.env.EVERWIRE_MEMORY_MESSAGES ?? "200000" },
    /** What has this in its name. */
    only: { type: "string", default: "" },
  },
});
const TENTHS = 10;
/** What the page may hold more at the end than after the first tenth: V8 keeps what it compiled, and feedback of it. */
const HEAP_SLACK = 256 * 1024;
/** A page of wasm is 64 KiB; an allocator takes one where pieces lie badly, once. */
const WASM_SLACK = 64 * 1024;
/** Far fewer than there are rounds in a tenth: one object for each would show. */
const OBJECTS_SLACK = 8;

const files = await mkdtemp(join(tmpdir(), "everwire-memory-"));
await buildPage(files);
const real = await start(options.server);
const recorded = await record(real.origin, [120]);
const server = await serve(files, recorded);
const browser = await chromium.launch();
let failures = 0;
let passed = 0;

/** Does a tenth ten times, and compares what is held after the first and after the last. */
async function flat(what, tenth) {
  if (!what.includes(options.only)) return;
  const page = await chromium.open(browser, server.origin);
  const run = (object, method, ...args) =>
    page.page.evaluate(([object, method, args]) => globalThis[object][method](...args), [object, method, args]);
  const seen = [];
  for (let i = 0; i < TENTHS; i++) {
    await tenth(run);
    const { heap } = await chromium.memory(page);
    seen.push({ heap, wasm: await run("leaks", "wasm"), objects: await chromium.objects(page) });
  }
  if (page.errors.length > 0) throw page.errors[0];
  await page.page.close();
  const [first, last] = [seen[0], seen.at(-1)];
  const leaks = last.heap > first.heap + HEAP_SLACK || last.wasm > first.wasm + WASM_SLACK ||
    last.objects > first.objects + OBJECTS_SLACK;
  const kib = bytes => Math.round(bytes / 1024);
  console.log(`${leaks ? "LEAKS" : "flat "} ${what}: heap ${seen.map(({ heap }) => kib(heap)).join(" ")} KiB; ` +
    `wasm ${kib(first.wasm)} → ${kib(last.wasm)} KiB; ${first.objects} → ${last.objects} objects`);
  if (leaks) failures++;
  else passed++;
}

try {
  const [reconnects, messages] = [+options.reconnects, +options.messages];
  for (const [transport, name] of [["websocket", "everwire, WebSocket"], ["sse", "everwire, SSE"]]) {
    const count = Math.ceil(messages / TENTHS);
    let opened = false;
    await flat(`${messages} messages by ${transport}`, async run => {
      if (!opened) await run("bench", "open", name, { size: 120, count, batch: 64 });
      opened = true;
      await run("bench", "blast", count);
    });
    await flat(`${reconnects} reconnects by ${transport}`, run =>
      run("leaks", "reconnects", real.origin, transport, Math.ceil(reconnects / TENTHS)));
  }
  await flat(`${reconnects / TENTHS} clients freed amid what they do`, run =>
    run("leaks", "freed", real.origin, Math.ceil(reconnects / TENTHS / TENTHS)));
  console.log(`test result: ${failures ? "FAILED" : "ok"}. ${passed} passed; ${failures} failed; 0 ignored`);
} finally {
  await browser.browser.close();
  server.stop();
  real.stop();
  await rm(files, { recursive: true, force: true });
}
process.exitCode = failures ? 1 : 0;
