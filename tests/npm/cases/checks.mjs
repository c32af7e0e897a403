// What is looked at and not run: the manifest and its paths, the types as each resolver finds them, the types themselves.

import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { here, needed, project, run, tool } from "../lib/project.mjs";

/** Compiles the types' tests as an app would be, and with the libraries' own types looked at, too. */
async function types(module, moduleResolution) {
  const folder = await project(`types-${module}`);
  const lib = ["ES2022", "ESNext.Disposable", "DOM", "DOM.Iterable"];
  const compilerOptions = { target: "ES2022", module, moduleResolution, lib, types: [], strict: true, noEmit: true, skipLibCheck: false };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  await copyFile(join(here, "types/api.test-d.ts"), join(folder, "api.test-d.ts"));
  await run(tool("tsc"), ["-p", folder], { cwd: folder });
}

export const cases = [
  {
    name: "publint finds nothing",
    async run() {
      const folder = await project("publint");
      const { publint } = await import("publint");
      const { messages } = await publint({ pkgDir: join(folder, "node_modules/everwire"), strict: true, level: "suggestion", pack: false });
      assert.deepEqual(messages, []);
    },
  },
  {
    name: "arethetypeswrong finds nothing",
    async run() {
      await mkdir(join(here, "projects"), { recursive: true });
      // The package is for `import` alone; Node from 20.19 on takes it by `require` too, which is tried among the runtimes.
      const args = [needed("EVERWIRE_TARBALL"), "--profile", "esm-only", "--format", "ascii"];
      // Files to be served are no modules, and have no types.
      args.push("--exclude-entrypoints", ...["", "_full", "_websocket", "_eventsource"].map(name => `everwire${name}_bg.wasm`));
      await run(tool("attw"), args, { cwd: join(here, "projects") });
    },
  },
  { name: "the types keep their promises, as bundlers find them", run: () => types("ESNext", "bundler") },
  { name: "the types keep their promises, as Node finds them", run: () => types("NodeNext", "NodeNext") },
];
