// The browser benchmark: `node run.mjs --server EXECUTABLE`, as `cargo xtask bench browser` calls it. Rounds are interleaved: each goes
// through all clients, from another one on each time, so that what else the machine does hits all of them alike.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as chromium from "./src/browser.mjs";
import { buildPage } from "./src/build.mjs";
import { record, start } from "./src/everwire.mjs";
import { Measuring } from "./src/measuring.mjs";
import { judge, write } from "./src/report.mjs";
import { serve } from "./src/server.mjs";

const { values: options } = parseArgs({
  options: {
    server: { type: "string" },
    quick: { type: "boolean", default: false },
    /** Only whether every client delivers everything in order: a few messages, no figures. */
    check: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    write: { type: "boolean", default: false },
  },
});
const SIZES = options.check || options.quick ? [120, 16_384] : [120, 1_024, 16_384];
const ROUNDS = options.check ? 1 : options.quick ? 3 : 7;
const SCALE = options.check ? 0.02 : options.quick ? 0.5 : 1;

const files = await mkdtemp(join(tmpdir(), "everwire-bench-"));
await buildPage(files);
const real = await start(options.server);
const recorded = await record(real.origin, SIZES);
real.stop();
const server = await serve(files, recorded);
const browser = await chromium.launch();
try {
  const measuring = new Measuring(browser, server.origin, recorded.batches, options.only);
  const results = await measuring.all({ sizes: SIZES, rounds: ROUNDS, scale: SCALE, memory: !options.check });
  if (options.check) {
    console.log(`test result: ok. ${measuring.count} passed; 0 failed; 0 ignored`);
  } else {
    const told = { ...results, browser: browser.version, batches: recorded.batches, rounds: ROUNDS };
    console.log(judge(told));
    if (options.write) await write(told);
  }
} finally {
  await browser.browser.close();
  server.stop();
  await rm(files, { recursive: true, force: true });
}
