// The drop-ins beside the platform's own classes: `node run.mjs --package DIST`. Every case is run with both, in Chromium, and what the app sees
// is compared. What differs must stand in `meant.mjs` with its reason, and the table must be that of `docs/dropins.md`.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch } from "../../bench/browser/src/browser.mjs";
import { meant } from "./meant.mjs";
import { serve } from "./server.mjs";
import { sockets } from "./sockets.mjs";
import { streams } from "./streams.mjs";
import { table } from "./table.mjs";

const here = import.meta.dirname;
const { values: options } = parseArgs({
  options: {
    package: { type: "string", default: join(here, "../../pkg/dist") },
    write: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
/** A case that is still not over by then hangs. */
const DEADLINE = 60_000;
/** So many at a time: a page may have six connections to a server. */
const AT_ONCE = 3;

const server = await serve({ files: here, package: options.package }, { ...prefixed("es", streams), ...prefixed("ws", sockets) });
const { browser } = await launch();
const page = await browser.newPage();
await page.goto(`${server.origin}/files/page.html`);
await page.waitForFunction(() => globalThis.runInterface);

function prefixed(prefix, cases) {
  return Object.fromEntries(Object.entries(cases).map(([name, one]) => [`${prefix}-${name}`, one]));
}

/** Calls the page; what hangs is an answer, too. */
async function ask(method, ...args) {
  const late = new Promise(resolve => setTimeout(resolve, DEADLINE, ["takes for ever"]).unref());
  return Promise.race([page.evaluate(([method, args]) => globalThis[method](...args), [method, args]), late]);
}

async function both(title, name, run) {
  const [platform, ours] = [await run(false), await run(true)];
  return { title, name, platform: platform.join("; "), ours: ours.join("; ") };
}

/** All cases of a kind, some at a time, in their order. */
async function all(title, prefix, cases, run) {
  const names = Object.keys(cases).filter(name => !options.only || name === options.only);
  const rows = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    rows.push(...await Promise.all(names.slice(at, at + AT_ONCE).map(name =>
      both(title, name, ours => run(`${prefix}-${name}`, ours, cases[name])))));
  }
  return rows;
}

async function interfaces(title, kind) {
  const [platform, ours] = [await ask("runInterface", kind, false), await ask("runInterface", kind, true)];
  return Object.keys(platform).map(name => ({ title, name, platform: platform[name], ours: ours[name] }));
}

let failures = 0;
const fail = message => { failures++; console.error(message); };
try {
  const rows = [
    ...await interfaces("EventSource: the interface", "stream"),
    ...await all("EventSource: what a server sends", "es", streams, (name, ours, { closes }) => ask("runStream", name, ours, closes)),
    ...await interfaces("WebSocket: the interface", "socket"),
    ...await all("WebSocket: what both sides do", "ws", sockets, (name, ours, { page, protocols }) =>
      ask("runSocket", name, ours, page?.toString(), protocols)),
  ];
  const known = new Set();
  for (const row of rows) {
    const key = `${row.title.split(":")[0]}: ${row.name}`;
    if (row.platform !== row.ours) {
      known.add(key);
      row.why = meant[key];
      if (!row.why) fail(`differs: ${key}\n  platform: ${row.platform}\n  ours:     ${row.ours}`);
    }
  }
  if (!options.only) {
    for (const key of Object.keys(meant)) if (!known.has(key)) fail(`no longer differs: ${key}`);
    const file = join(here, "../../docs/dropins.md");
    const text = table(rows);
    if (options.write) await writeFile(file, text);
    else if (await readFile(file, "utf8").catch(() => "") !== text) fail("docs/dropins.md is not what the run found: `node tests/dropins/run.mjs --write`");
  }
  const verdict = failures === 0 ? "ok" : "FAILED";
  console.log(`test result: ${verdict}. ${rows.length - failures} passed; ${failures} failed; 0 ignored`);
} finally {
  await browser.close();
  server.stop();
}
process.exitCode = failures === 0 ? 0 : 1;
