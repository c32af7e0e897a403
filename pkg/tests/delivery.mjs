// A batch's payloads are parsed in one go. The server takes nothing for JSON that is none; should one do so, most of what it lets through is seen, and each message has
// its own payload, or an error of its own.
// Runs in Node, with what stands for the module's runs made here: `node pkg/tests/delivery.mjs`.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const { buildSync } = createRequire(join(import.meta.dirname, "../../xtask/node/package.json"))("esbuild");
const entryPoints = [join(import.meta.dirname, "../src/delivery.ts")];
const { outputFiles: [{ text }] } = buildSync({ entryPoints, bundle: true, format: "esm", target: "es2022", write: false });
const { messages } = await import(`data:text/javascript,${encodeURIComponent(text)}`);

/** A run as `sdk/js/src/events.rs` makes it. */
function run(payloads) {
  const count = payloads.length, ends = [];
  let text = "";
  for (const [index, payload] of payloads.entries()) {
    text += (index ? "," : "[") + payload;
    ends.push(text.length);
  }
  return { type: "messages", count, first: 1, epoch: "e", numbers: [...Array(count).fill(0), ...ends], text: `${text}]e`, about: false };
}

/** What each message's data is: its JSON, or the error's code. */
const read = payloads => messages(run(payloads)).map(message => {
  try {
    return JSON.stringify(message.data);
  } catch (error) {
    return error.code;
  }
});

/** What each would be if it came alone. */
const alone = payloads => payloads.map(payload => {
  try {
    return JSON.stringify(JSON.parse(payload));
  } catch {
    return "decode";
  }
});

const cases = {
  "what is JSON is parsed, and in its place": ['{"a":1}', "[1,2]", '"x, y"', "null", "12", "true", '"]["', "48151623"],
  "a single message": ['{"a":1}'],
  "one that is empty": ["1", "", "3"],
  "one that is two": ["1,2", "3"],
  "a string that begins in one and ends in another": ['1,2,"x', 'y"', "3"],
  "one that closes the array and opens it again": ["1],[2", "3"],
  "broken in every way": ["[", "]", "{", "}", '"', ",", "\\"],
};

let failed = 0;
for (const [name, payloads] of Object.entries(cases)) {
  try {
    assert.deepEqual(read(payloads), alone(payloads));
    console.log(`test ${name} ... ok`);
  } catch (error) {
    failed++;
    console.log(`test ${name} ... FAILED\n${error.message}`);
  }
}

// Read again, in any order, and as text.
const all = messages(run(['{"a":1}', "[2]"]));
assert.equal(all[1].data, all[1].data);
assert.deepEqual([all[1].data, all[0].data, all[0].text, all[1].text], [[2], { a: 1 }, '{"a":1}', "[2]"]);

console.log(`test result: ${failed ? "FAILED" : "ok"}. ${Object.keys(cases).length - failed + 1} passed; ${failed} failed; 0 ignored`);
process.exitCode = failed ? 1 : 0;
