// What the packed tarball does where it is used: bundlers, runtimes, pages, types. Run by `cargo xtask test --only npm`, which
// builds the tarball, starts the server, and says where they are. With words as arguments, only the cases with one of them in their name.

import { quit } from "./lib/browser.mjs";
import { write } from "./lib/report.mjs";

const GROUPS = ["checks", "bundlers", "loading", "runtimes", "examples"];

const words = process.argv.slice(2);
const wanted = name => words.length === 0 || words.some(word => name.toLowerCase().includes(word.toLowerCase()));
let passed = 0;
let failed = 0;
const done = [];

for (const group of GROUPS) {
  const { cases } = await import(`./cases/${group}.mjs`);
  for (const one of cases.filter(({ name }) => wanted(name))) {
    const started = performance.now();
    try {
      await one.run();
      passed++;
      done.push(one);
      console.log(`ok      ${group}: ${one.name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${group}: ${one.name}\n${error.stack ?? error}`);
    }
  }
}

await quit();
if (words.length === 0 && failed === 0) await write(done);
console.log(`test result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed; 0 ignored; 0 measured; 0 filtered out`);
process.exit(failed || !passed ? 1 : 0);
