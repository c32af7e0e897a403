// Each bundler builds a project that imports the default entry; the page it makes exchanges messages with the real server, under
// a strict policy, and what was built has exactly one module in it.

import assert from "node:assert/strict";
import { copyFile, cp, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { filesBelow, project, run, tool, version } from "../lib/project.mjs";
import { POLICY, serve } from "../lib/serve.mjs";
import { address, visit } from "../lib/browser.mjs";

const MAIN = `import { Client } from "everwire";
import { exchangeInPage } from "./exchange.js";
exchangeInPage(Client);
`;

const html = script => `<!doctype html>
<meta charset="utf-8">
<title>Everwire</title>
<link rel="icon" href="data:,">
<script type="module" src="${script}"></script>
`;

/** Opens what was built, and sees to it that messages went both ways. `modules` is how many it may have, and fetch. */
export async function check(folder, topic, { modules = 1, page = "/", policy, transport = "websocket" } = {}) {
  const built = (await filesBelow(folder)).filter(file => file.endsWith(".wasm")).map(file => basename(file));
  assert.equal(built.length, modules, `modules in what was built: ${built.join(", ") || "none"}`);
  const server = await serve(folder, { policy });
  try {
    const { outcome, wasm, errors } = await visit(address(server.origin + page, topic));
    assert.equal(outcome.error, undefined);
    assert.equal(outcome.result.transport, transport);
    assert.equal(outcome.result.state, "closed");
    assert.deepEqual(errors, []);
    assert.equal(wasm.length, modules, `modules fetched: ${wasm.join(", ") || "none"}`);
  } finally {
    await server.close();
  }
}

/** Vite's build of a project with these files. */
export async function vite(name, files) {
  const folder = await project(name, { files: { "index.html": html("/main.js"), ...files } });
  await run(tool("vite"), ["build", "--logLevel", "warn"], { cwd: folder });
  return join(folder, "dist");
}

export const cases = [
  {
    name: "Vite", package: "vite", how: "nothing to do",
    run: async () => check(await vite("vite", { "main.js": MAIN }), "npm:vite"),
  },
  {
    name: "Vite, its development server", package: "vite", how: "`optimizeDeps: { exclude: [\"everwire\"] }`",
    async run() {
      const config = `export default { optimizeDeps: { exclude: ["everwire"] }, logLevel: "warn" };\n`;
      const folder = await project("vite-dev", { files: { "index.html": html("/main.js"), "main.js": MAIN, "vite.config.js": config } });
      const { createServer } = await import("vite");
      const server = await createServer({ root: folder, configFile: join(folder, "vite.config.js"), server: { host: "127.0.0.1", port: 0, fs: { strict: false } } });
      await server.listen();
      try {
        const { port } = server.httpServer.address();
        const { outcome, wasm } = await visit(address(`http://127.0.0.1:${port}/`, "npm:vite-dev"));
        assert.equal(outcome.error, undefined);
        assert.equal(wasm.length, 1);
      } finally {
        await server.close();
      }
    },
  },
  {
    name: "webpack", package: "webpack", how: "nothing to do",
    async run() {
      const folder = await project("webpack", { files: { "main.js": MAIN } });
      const { default: webpack } = await import("webpack");
      await new Promise((resolve, reject) => {
        const output = { path: join(folder, "dist"), filename: "main.js", clean: true };
        const config = { mode: "production", context: folder, entry: "./main.js", output };
        webpack(config, (error, stats) => {
          if (error || stats.hasErrors()) reject(error ?? new Error(stats.toString({ all: false, errors: true })));
          else resolve();
        });
      });
      await page(folder, "main.js");
      await check(join(folder, "dist"), "npm:webpack");
    },
  },
  {
    name: "Rollup", package: "rollup", how: "`@rollup/plugin-node-resolve` with `browser: true`, `@web/rollup-plugin-import-meta-assets`",
    async run() {
      const folder = await project("rollup", { files: { "main.js": MAIN } });
      const { rollup } = await import("rollup");
      const { nodeResolve } = await import("@rollup/plugin-node-resolve");
      const { importMetaAssets } = await import("@web/rollup-plugin-import-meta-assets");
      const plugins = [nodeResolve({ browser: true, exportConditions: ["browser"] }), importMetaAssets()];
      const bundle = await rollup({ input: join(folder, "main.js"), plugins });
      await bundle.write({ dir: join(folder, "dist"), format: "es" });
      await bundle.close();
      await page(folder, "main.js");
      await check(join(folder, "dist"), "npm:rollup");
    },
  },
  {
    name: "esbuild", package: "esbuild", how: "copy `everwire/everwire_bg.wasm` beside the output, or import `everwire/inline`",
    async run() {
      const folder = await project("esbuild", { files: { "main.js": MAIN } });
      const { build } = await import("esbuild");
      await build({ absWorkingDir: folder, entryPoints: ["main.js"], bundle: true, format: "esm", outdir: "dist", minify: true, logLevel: "silent" });
      await copyFile(join(folder, "node_modules/everwire/dist/everwire_bg.wasm"), join(folder, "dist/everwire_bg.wasm"));
      await page(folder, "main.js");
      await check(join(folder, "dist"), "npm:esbuild");
    },
  },
  {
    name: "esbuild, `everwire/inline`", package: "esbuild", how: "nothing to do",
    async run() {
      const folder = await project("esbuild-inline", { files: { "main.js": MAIN.replace("everwire", "everwire/inline") } });
      const { build } = await import("esbuild");
      await build({ absWorkingDir: folder, entryPoints: ["main.js"], bundle: true, format: "esm", outdir: "dist", minify: true, logLevel: "silent" });
      await page(folder, "main.js");
      await check(join(folder, "dist"), "npm:esbuild-inline", { modules: 0 });
    },
  },
  {
    name: "Parcel", package: "parcel", how: "nothing to do; other entries than the first want `\"@parcel/resolver-default\": { \"packageExports\": true }` in `package.json`",
    async run() {
      const files = { "index.html": html("./main.js"), "main.js": MAIN, ".parcelrc": '{ "extends": "@parcel/config-default" }' };
      const folder = await project("parcel", { files });
      const args = ["build", "index.html", "--no-cache", "--cache-dir", ".cache", "--no-source-maps", "--log-level", "error", "--dist-dir", "dist", "--no-autoinstall"];
      await run(tool("parcel"), args, { cwd: folder });
      // Parcel writes an import map into the page.
      await check(join(folder, "dist"), "npm:parcel", { policy: POLICY.replace("'self' 'wasm", "'self' 'unsafe-inline' 'wasm") });
    },
  },
  {
    name: "Next.js", package: "next", how: "in a client component (`\"use client\"`); importing it on the server does nothing",
    async run() {
      const config = `import { join } from "node:path";
const root = join(import.meta.dirname, "../..");
export default { output: "export", turbopack: { root }, outputFileTracingRoot: root, images: { unoptimized: true } };
`;
      const folder = await project("next", {
        files: {
          "package.json": '{ "private": true, "type": "module", "dependencies": { "next": "*", "react": "*", "react-dom": "*" } }',
          "next.config.mjs": config,
          "app/layout.js": `export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n`,
          "app/page.js": `import Talk from "./talk.js";\nexport default () => <Talk />;\n`,
          "app/talk.js": `"use client";
import { useEffect } from "react";
import { Client } from "everwire";
import { exchangeInPage } from "../exchange.js";
let talks = false;
export default function Talk() {
  useEffect(() => {
    if (!talks) exchangeInPage(Client);
    talks = true;
  }, []);
  return <p>{typeof Client}</p>;
}
`,
        },
      });
      await run(tool("next"), ["build"], { cwd: folder, env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" } });
      // It writes scripts into the page.
      await check(join(folder, "out"), "npm:next", { policy: POLICY.replace("'self' 'wasm", "'self' 'unsafe-inline' 'wasm") });
    },
  },
  {
    name: "a module worker, by Vite", package: "vite", how: "nothing to do",
    run: async () => check(await vite("worker", {
      "vite.config.js": `export default { worker: { format: "es" } };\n`,
      "main.js": `import { reportOn } from "./exchange.js";
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
reportOn(new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => data.error ? reject(new Error(data.error)) : resolve(data.result);
  worker.onerror = event => reject(new Error(event.message));
  worker.postMessage(location.search);
}));
`,
      "worker.js": `import { Client } from "everwire";
import { exchange } from "./exchange.js";
onmessage = async ({ data }) => {
  const asked = new URLSearchParams(data);
  try {
    postMessage({ result: await exchange(Client, asked.get("server"), asked.get("topic")) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
`,
    }), "npm:worker"),
  },
  {
    name: "`<script type=\"module\">`, no bundler", how: "import `dist/client.js` by its address",
    async run() {
      const folder = await project("plain", {
        files: { "index.html": html("./main.js"), "main.js": MAIN.replace('"everwire"', '"./everwire/client.js"') },
      });
      // What a CDN would serve.
      await cp(join(folder, "node_modules/everwire/dist"), join(folder, "site/everwire"), {
        recursive: true, filter: path => !/full|websocket|eventsource|types/.test(basename(path)),
      });
      for (const file of ["index.html", "main.js", "exchange.js"]) await copyFile(join(folder, file), join(folder, "site", file));
      await check(join(folder, "site"), "npm:plain");
    },
  },
];

for (const one of cases) if (one.package) one.version = await version(one.package);

async function page(folder, script) {
  await writeFile(join(folder, "dist/index.html"), html(`./${script}`));
}
