// The examples, built as they are by their frameworks' plugins against the packed package, and used in a browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { project, root, run, tool } from "../lib/project.mjs";
import { serve } from "../lib/serve.mjs";
import { address, visit } from "../lib/browser.mjs";

async function build(name) {
  const folder = await project(`example-${name}`, { from: join(root, "examples", name) });
  await run(tool("vite"), ["build", "--logLevel", "warn"], { cwd: folder });
  return folder;
}

/** Writes a message, and sees it come back: what is shown has been to the server. */
async function chat(name) {
  const server = await serve(join(await build(name), "dist"));
  try {
    const text = `hello from ${name}`;
    const { outcome, errors } = await visit(address(`${server.origin}/`, `npm:example:${name}`), async page => {
      await page.getByLabel("Message").fill(text);
      await page.getByText("Send").click();
      await page.locator("li", { hasText: text }).waitFor({ timeout: 60_000 });
      await page.getByText("connected").waitFor({ timeout: 60_000 });
      await page.evaluate(() => globalThis.report({ result: "seen" }));
    });
    assert.equal(outcome.result, "seen");
    assert.deepEqual(errors, []);
  } finally {
    await server.close();
  }
}

/** Asks, and gets the whole answer although the stream is lost on the way. */
async function llm() {
  const folder = await build("llm");
  const server = spawn(process.execPath, ["server.mjs"], { cwd: folder, env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [origin] = await new Promise((resolve, reject) => {
      createInterface(server.stdout).once("line", line => resolve([line]));
      server.once("exit", code => reject(new Error(`the example's server ended with ${code}`)));
    });
    const { outcome } = await visit(`${origin}/`, async page => {
      await page.getByLabel("Question").fill("what is lost?");
      await page.getByText("Ask").click();
      await page.getByText("done", { exact: true }).waitFor({ timeout: 60_000 });
      const result = await page.locator("p").textContent();
      await page.evaluate(result => globalThis.report({ result }), result);
    });
    assert.equal(outcome.result, "You asked: what is lost? The answer is that nothing is lost, whatever breaks on the way.");
  } finally {
    server.kill();
  }
}

export const cases = [
  ...["vanilla", "react", "vue", "svelte", "solid"].map(name => ({ name, run: () => chat(name) })),
  { name: "llm", run: llm },
];
