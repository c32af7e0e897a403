// The events of a stream become the frames that they stand for: the protocol's golden vectors, event against bytes; what is no event is refused by
// the module; and a stream is cut into events wherever its chunks are cut.
// Runs in Node, with the module that `cargo xtask pack` built: `EVERWIRE_MODULE=target/pack/client node pkg/tests/events.mjs`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { runAll } from "./parts/run.mjs";

const { buildSync } = createRequire(join(import.meta.dirname, "../../xtask/node/package.json"))("esbuild");

/** A module of the face, with all that it imports. */
async function source(path) {
  const entryPoints = [join(import.meta.dirname, "../src", path)];
  const { outputFiles: [{ text }] } = buildSync({ entryPoints, bundle: true, format: "esm", target: "es2022", write: false });
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

const vectors = async name => JSON.parse(await readFile(join(import.meta.dirname, "../../protocol/vectors", name), "utf8"));
const { EventFrames } = await source("host/events.ts");
const { EventStream } = await source("host/stream.ts");
const { Input, Told, Reader } = await source("host/records.ts");
const [events, binary] = [await vectors("events.json"), await vectors("binary-server.json")];

const hex = bytes => Buffer.from(bytes).toString("hex");

/** What a stream's events are in bytes, read in chunks of so many. */
function translated(stream, size = stream.length || 1) {
  const frames = new EventFrames();
  const reader = new EventStream(1 << 20, (name, bytes, lines) => frames.add(name, bytes, lines));
  const bytes = new TextEncoder().encode(stream);
  let all = "";
  for (let at = 0; at < bytes.length; at += size) {
    if (!reader.take(bytes.subarray(at, at + size))) frames.broken();
    all += hex(frames.take());
  }
  return all;
}

/** Numbers that JavaScript has, so that what is compared is what was meant. */
const safe = frame => !/\d{16}/.test(JSON.stringify(frame));
const known = new Map(binary.filter(({ frames, error, reads_only }) => frames?.length === 1 && !error && !reads_only).map(({ hex, frames }) => [JSON.stringify(frames[0]), hex]));

const module = resolve(process.env.EVERWIRE_MODULE ?? join(import.meta.dirname, "../../target/pack/client"));
const glue = await import(pathToFileURL(join(module, "glue.js")));
const { memory } = await glue.default({ module_or_path: await readFile(join(module, "module.wasm")) });

/** Gives a machine whose stream works an event, and says whether that ended the stream. */
function refuses(event, data) {
  const none = new Uint8Array(), text = text => new TextEncoder().encode(text);
  const machine = glue.create(1, 2, false, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, new Uint8Array([1]), text("me"), undefined);
  const input = (what, a, b, c, bytes) => new Reader(memory.buffer, glue.input(machine, what, a, b, c, bytes, 1_000, 1_000, false));
  input(Input.Connect, 0, 0, 0, none);
  input(Input.Subscribe, 0, 0, 0, text("latest\nroom"));
  input(Input.Opened, 1, 0, 0, none);
  const frames = new EventFrames();
  const give = (event, data) => {
    frames.addText(event, data);
    return input(Input.Message, 1, 0, 0, frames.take());
  };
  give("everwire.welcome", "s 25000 65536 1048576 128 e");
  const answer = give(event, data);
  const closed = answer.more && answer.number() === Told.Close;
  glue.destroy(machine);
  return closed;
}

const tests = {
  "every event that a server writes is the frame that it was"() {
    let compared = 0;
    for (const { name, frame, stream } of events.filter(({ stream }) => stream)) {
      const expected = known.get(JSON.stringify(frame));
      if (!expected || !safe(frame)) continue;
      compared++;
      for (const size of [1, 2, 7, undefined]) {
        // Messages are one frame where they come together, however they were cut.
        if (size && frame.type === "messages" && frame.records.length > 1) continue;
        assert.equal(translated(stream, size), expected, name);
      }
      assert.equal(translated(stream.replaceAll("\n", "\r\n")), expected, name);
    }
    assert.ok(compared >= 35, `only ${compared} compared`);
  },

  "every event that an event source hands over is the frame that it was, or none, or refused"() {
    for (const { name, event, data, frame, error } of events.filter(({ event }) => event !== undefined)) {
      const frames = new EventFrames();
      frames.addText(event || "message", data);
      const bytes = hex(frames.take());
      if (error) assert.ok(refuses(event || "message", data), name);
      else if (frame === null) assert.equal(bytes, "", name);
      else if (known.has(JSON.stringify(frame)) && safe(frame)) assert.equal(bytes, known.get(JSON.stringify(frame)), name);
      else assert.ok(!refuses(event || "message", data) || !safe(frame), name);
    }
  },

  "messages that follow each other are one frame"() {
    const one = offset => `data: 0 ${offset} 5 json\ndata: ${offset}\n\n`;
    const bytes = translated(one(7) + one(8) + one(9) + one(11));
    assert.equal(bytes, `1083000703${"00050137"}${"00050138"}${"00050139"}0983000b01${"0005023131"}`);
  },

  "a stream is read as the standard has it"() {
    const read = (chunks, limit = 100) => {
      const told = [];
      const stream = new EventStream(limit, (name, bytes, lines) => {
        const text = lines.map((at, place) => place % 2 ? "" : new TextDecoder().decode(bytes.subarray(at, lines[place + 1])));
        told.push(`${name}|${text.filter((_, place) => place % 2 === 0).join("\n")}`);
      });
      const good = chunks.map(chunk => stream.take(new TextEncoder().encode(chunk)));
      return [told, good.every(Boolean)];
    };
    for (const [chunks, expected] of [
      [["\ufeffdata: a\n\n"], ["message|a"]],
      [["data:a\r", "\ndata: b\r\n\r", "\n"], ["message|a\nb"]],
      [["data\rdata\r\revent:x\rdata:  y\r\r", "\r"], ["message|\n", "x| y"]],
      [[": comment\nevent: x\n\ndata: a\n\n"], ["message|a"]],
      [["id: 7\nretry: 5\nother: 1\ndata: a\ndata\n\n"], ["message|a\n"]],
      [["data: cut off"], []],
      [["data: ", "naïve 🦀", "\n\n"], ["message|naïve 🦀"]],
    ]) assert.deepEqual(read(chunks), [expected, true], JSON.stringify(chunks));
    assert.deepEqual(read(["data: " + "x".repeat(101)]), [[], false], "a line without an end");
    assert.deepEqual(read(Array(30).fill("data: xxx\n")), [[], false], "an event without an end");
  },
};

await runAll(tests);
