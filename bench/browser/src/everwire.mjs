// The real server: started, filled, and recorded. What it sends is what is replayed, so this also proves that the bytes made
// in `wire.mjs` are those of the server. Knows no browser.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { TOPIC, binary, event, json } from "./wire.mjs";

/** The beginning of a message in an event stream. */
const HEADER = /id: ([^-\n]+)-(\d+)\ndata: (\d+) \d+ (\d+) json\n/g;

/** The server as a process, where it says that it listens. */
export async function start(executable) {
  const options = ["--listen", "127.0.0.1:0", "--anonymous", "--allow-origin", "*",
    // One machine is all the clients here.
    "--publish-rate", "0", "--request-rate", "0", "--connect-rate", "0", "--address-connections", "0", "--metrics-topics", "false",
    "--log-filter", "error", "--static", import.meta.dirname];
  const child = spawn(executable, options, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const origin = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", code => reject(new Error(`the server ended: ${code}`)));
    lines.on("line", line => {
      const found = /listening on (http:\/\/\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  return { origin, stop: () => child.kill() };
}

/** Publishes messages in one request. */
export async function publish(origin, topic, payloads) {
  const body = `[${payloads.map(data => `{"topic":"${topic}","data":${data}}`).join()}]`;
  const answer = await fetch(`${origin}/v1/publish`, { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!answer.ok) throw new Error(`publish: ${answer.status} ${await answer.text()}`);
}

/**
 * Records what a client that asks for everything is sent, by WebSocket and as an event stream: the greetings, and how many
 * messages of each size the server puts into a frame when a reader is behind.
 */
export async function record(origin, sizes) {
  const batches = {};
  let recorded;
  for (const size of sizes) {
    const topic = size === sizes[0] ? TOPIC : `${TOPIC}-${size}`;
    // A topic keeps no more than that unless it is told to.
    const count = Math.min(1_000, Math.ceil(200_000 / size));
    const payloads = Array.from({ length: count }, (_, index) => json(index + 1, size));
    await publish(origin, topic, payloads);
    const messages = await recordSocket(origin, topic, count);
    batches[size] = check(messages, payloads);
    recorded ??= { ...greeting(messages), stream: await recordStream(origin, topic, payloads) };
  }
  return { ...recorded, batches };
}

/** The WebSocket messages up to the one with the last record. */
async function recordSocket(origin, topic, count) {
  const socket = new WebSocket(`${origin.replace("http", "ws")}/v1/ws`, "everwire.v1.bin");
  const messages = [];
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed the socket")));
    socket.on("open", () => socket.send(Buffer.concat([binary.connect("bench-recorder"), binary.subscribeEarliest(topic)])));
    socket.on("message", data => {
      messages.push(data);
      if (records(messages) >= count) resolve();
    });
  });
  socket.terminate();
  return messages;
}

function* messageFrames(messages) {
  for (const message of messages) {
    for (const frame of binary.frames(message)) {
      if (frame.kind === binary.MESSAGES) yield { ...binary.readMessages(frame.body), whole: frame.whole };
    }
  }
}

function records(messages) {
  return Array.from(messageFrames(messages)).reduce((sum, { records }) => sum + records.length, 0);
}

/** Everything before the first record, and what the records' headers say. */
function greeting(messages) {
  const greeting = [];
  for (const message of messages) {
    for (const frame of binary.frames(message)) {
      if (frame.kind === binary.MESSAGES) {
        const { alias, records } = binary.readMessages(frame.body);
        return { alias, time: records[0][0], greeting: Buffer.concat(greeting) };
      }
      greeting.push(frame.whole);
    }
  }
  throw new Error("the server sent no messages");
}

/** The recorded frames are made again from what is in them, and must be the same bytes. Returns the size of a batch. */
function check(messages, payloads) {
  let largest = 0;
  for (const { alias, first, records, whole } of messageFrames(messages)) {
    const sent = payloads.slice(first - 1, first - 1 + records.length);
    const again = binary.messages(alias, first, records.map(([time], index) => [time, sent[index]]));
    if (!again.equals(whole)) throw new Error("these are not the server's frames: wire.mjs is out of date");
    largest = Math.max(largest, records.length);
  }
  return largest;
}

/** What stands in an event stream before the first message; the messages are compared, too. */
async function recordStream(origin, topic, payloads) {
  const aborts = new AbortController();
  const answer = await fetch(`${origin}/v1/sse?topic=${topic}&from=earliest`, { signal: aborts.signal });
  let text = "";
  let end = -1;
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    end = text.indexOf(`"seq":${payloads.length},`);
    if (end >= 0 && text.indexOf("\n\n", end) >= 0) break;
  }
  aborts.abort();
  const [first] = text.matchAll(HEADER);
  if (!first) throw new Error(`not an event stream of the server: ${text.slice(0, 300)}`);
  const made = Array.from(text.matchAll(HEADER), ([, epoch, seq, alias, time]) =>
    event({ epoch, alias, time }, seq, payloads[seq - 1])).join("");
  if (!text.slice(first.index).startsWith(made)) throw new Error("these are not the server's events: wire.mjs is out of date");
  return { epoch: first[1], greeting: text.slice(0, first.index) };
}
