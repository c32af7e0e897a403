// How the module comes: again after a failed load, from where one says, under which policy; and what else the entries have.

import assert from "node:assert/strict";
import { copyFile, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { project } from "../lib/project.mjs";
import { POLICY, serve } from "../lib/serve.mjs";
import { address, visit } from "../lib/browser.mjs";
import { check, vite } from "./bundlers.mjs";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Everwire</title><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>\n`;

/** A page without a bundler, served as asked. */
async function plain(name, main, options, judge) {
  const folder = await project(name, { files: { "site/index.html": PAGE, "site/main.js": main } });
  await mkdir(join(folder, "site"), { recursive: true });
  await copyFile(join(folder, "exchange.js"), join(folder, "site/exchange.js"));
  await cp(join(folder, "node_modules/everwire/dist"), join(folder, "site/everwire"), { recursive: true });
  const server = await serve(join(folder, "site"), options);
  try {
    judge(await visit(address(`${server.origin}/`, `npm:${name}`)));
  } finally {
    await server.close();
  }
}

const IMPORTS = `import { Client, init } from "./everwire/client.js";\nimport { exchangeInPage, reportOn } from "./exchange.js";\n`;

export const cases = [
  {
    name: "a load that failed is tried again, and what was asked meanwhile is done",
    async run() {
      let asked = 0;
      const refuse = path => path.endsWith(".wasm") && ++asked === 1;
      await plain("retry", `${IMPORTS}exchangeInPage(Client);\n`, { refuse }, ({ outcome, wasm }) => {
        assert.equal(outcome.error, undefined);
        assert.equal(wasm.length, 2);
      });
    },
  },
  {
    name: "init can be asked for, from elsewhere, is one load however often it is asked, and is not failed for ever",
    async run() {
      const main = `${IMPORTS}
const failed = await init("./nowhere.wasm").then(() => "loaded", error => error.name);
await Promise.all([init("./everwire/everwire_bg.wasm"), init(), init()]);
if (failed === "loaded") throw new Error("loaded from nowhere");
exchangeInPage(Client);
`;
      await plain("init", main, {}, ({ outcome, wasm }) => {
        assert.equal(outcome.error, undefined);
        assert.deepEqual(wasm.map(url => new URL(url).pathname), ["/nowhere.wasm", "/everwire/everwire_bg.wasm"]);
      });
    },
  },
  {
    name: "a policy that forbids WebAssembly is told of, and nothing waits for ever",
    async run() {
      const main = `${IMPORTS}
const client = new Client(new URLSearchParams(location.search).get("server"));
reportOn((async () => {
  const room = client.subscribe("npm:forbidden");
  const code = await client.publish("npm:forbidden", 1).catch(error => error.code);
  const events = [];
  for await (const event of room) events.push(event.type);
  return [code, client.state, client.status.reason, ...events];
})());
`;
      await plain("forbidden", main, { policy: POLICY.replace(" 'wasm-unsafe-eval'", "") }, ({ outcome }) => {
        assert.deepEqual(outcome.result, ["load", "closed", "load", "failed"]);
      });
    },
  },
  {
    name: "everwire/full shares tabs and keeps publishes, in one module",
    async run() {
      const main = `import { Client } from "everwire/full";
import { exchangeInPage } from "./exchange.js";
exchangeInPage(Client, { shareTabs: "ada", persist: "npm-test", debug: true });
`;
      await check(await vite("full", { "main.js": main }), "npm:full", { transport: "tab" });
    },
  },
  {
    name: "the drop-ins beside the client bring no further module",
    async run() {
      const main = `import { Client, ReconnectingWebSocket } from "everwire";
import { exchange, reportOn } from "./exchange.js";
const asked = new URLSearchParams(location.search);
const socket = new ReconnectingWebSocket(asked.get("server") + "/v1/ws", "everwire.v1.json");
reportOn((async () => {
  await new Promise(resolve => (socket.onopen = resolve));
  if (socket.protocol !== "everwire.v1.json") throw new Error("the protocol is " + socket.protocol);
  socket.close();
  return exchange(Client, asked.get("server"), asked.get("topic"));
})());
`;
      await check(await vite("dropins", { "main.js": main }), "npm:dropins");
    },
  },
  {
    name: "everwire/websocket alone: sends what was given before there was a link",
    async run() {
      const main = `import { ReconnectingWebSocket } from "everwire/websocket";
import { reportOn } from "./exchange.js";
const asked = new URLSearchParams(location.search);
const socket = new ReconnectingWebSocket(asked.get("server") + "/v1/ws", ["everwire.v1.json"]);
socket.send(JSON.stringify({ type: "connect", client_id: "npm-test" }));
reportOn(new Promise(resolve => {
  socket.onmessage = ({ data }) => {
    socket.onclose = ({ willRetry }) => resolve({ transport: "websocket", state: "closed", data: String(data), willRetry });
    socket.close(1000);
  };
}));
`;
      await check(await vite("websocket", { "main.js": main }), "npm:websocket");
    },
  },
  {
    name: "everwire/eventsource alone: reads a topic as any server's stream",
    async run() {
      const main = `import { ResumableEventSource } from "everwire/eventsource";
import { reportOn } from "./exchange.js";
const asked = new URLSearchParams(location.search);
const [server, topic] = [asked.get("server"), asked.get("topic")];
const source = new ResumableEventSource(\`\${server}/v1/sse?topic=\${topic}&from=earliest&format=raw\`);
const body = JSON.stringify({ topic, data: "over HTTP" });
fetch(server + "/v1/publish", { method: "POST", body, headers: { "content-type": "application/json" } });
reportOn(new Promise(resolve => {
  source.onmessage = ({ data, lastEventId }) => {
    source.close();
    resolve({ transport: "websocket", state: source.readyState === 2 ? "closed" : "open", data, lastEventId });
  };
}));
`;
      await check(await vite("eventsource", { "main.js": main }), "npm:eventsource");
    },
  },
];
