// Makes tables and a chart of what was measured, as ratios to the bare WebSocket of the same round, and writes them into
// `docs/performance.md`. Measures nothing.

import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { chart } from "./chart.mjs";
import { median, percentile } from "./measuring.mjs";

const DOCS = join(import.meta.dirname, "../../../docs");
const BARE = "WebSocket";
const BEGIN = "<!-- browser: written by `cargo xtask bench browser` -->";
const END = "<!-- /browser -->";

/** What has to hold, of the ratios by CPU time and by the clock. */
const TARGETS = [
  ["messages/s at 120 B over the bare WebSocket", 20, "everwire, WebSocket, 64 KiB a frame", BARE],
  ["messages/s at 120 B over centrifuge, 64 KiB a frame each", 1.3, "everwire, WebSocket, 64 KiB a frame", "centrifuge, 64 KiB a frame"],
  ["messages/s at 120 B over centrifuge, 64 a frame each", 1.3, "everwire, WebSocket, 64 a frame", "centrifuge, 64 a frame"],
  ["messages/s at 120 B of SSE over eventsource-client", 1.0, "everwire, SSE", "eventsource-client"],
];

/** How many times as much `label` does as `other`, round by round, by the clock (`rate`) or for its CPU time. */
function ratio(samples, label, other, by) {
  const pairs = samples[label]?.map((sample, round) => [sample, samples[other]?.[round]]);
  if (!pairs?.[0]?.[1]) return NaN;
  return median(pairs.map(([one, two]) => by === "rate" ? one.rate / two.rate : two[by] / one[by]));
}

const fixed = (value, digits = 2) => Number.isFinite(value) ? value.toFixed(digits) : "–";
const short = value => fixed(value, value < 10 ? 2 : 1);
const table = (head, rows) => [head, head.map((_, column) => column ? "--:" : "---"), ...rows]
  .map(row => `| ${row.join(" | ")} |`).join("\n");

function throughput(samples, size) {
  const rows = Object.keys(samples).map(label => {
    const of = by => median(samples[label].map(sample => sample[by]));
    return [label, short(ratio(samples, label, BARE, "rate")), short(ratio(samples, label, BARE, "main")),
      Math.round(of("rate") / 1000), short(of("main")), short(of("all"))];
  });
  const head = [`${size} B`, "messages/s, ×", "messages per CPU, ×", "thousand/s", "µs of the page's thread", "µs of the renderer"];
  return table(head, rows);
}

function waiting({ throughput: [samples], latency }) {
  const bare = latency[BARE] ?? [];
  const rows = Object.entries(latency).map(([label, rounds]) => {
    const of = (share, times = rounds.flat()) => percentile(times, share);
    const over = share => short(median(rounds.map((times, round) => of(share, times) / of(share, bare[round] ?? [NaN]))));
    return [label, fixed(of(0.5)), over(0.5), fixed(of(0.99)), over(0.99), fixed(median(samples[label].map(({ connect }) => connect)), 1)];
  });
  return table(["one message", "p50, ms", "×", "p99, ms", "×", "connect to first message, ms"], rows);
}

function memory(memories) {
  const kib = bytes => Math.round(bytes / 1024);
  const rows = Object.entries(memories).map(([name, { heap, buffers }]) => [name, kib(heap), kib(buffers)]);
  return table(["after 100,000 messages", "heap, KiB", "buffers (and wasm), KiB"], rows);
}

/** The figures as text, with the targets. */
export function judge(results) {
  const sizes = Object.keys(results.throughput);
  const small = results.throughput[sizes[0]];
  const latencies = { throughput: [small], latency: results.latency };
  const targets = TARGETS.map(([what, least, label, other]) => {
    const [clock, cpu] = ["rate", "main"].map(by => ratio(small, label, other, by));
    return [what, `≥ ${least}`, short(clock), short(cpu)];
  });
  const bare = results.latency[BARE];
  const ours = results.latency["everwire, WebSocket, 64 KiB a frame"];
  if (bare && ours) {
    const by = median(ours.map((times, round) => percentile(times, 0.5) / percentile(bare[round], 0.5)));
    targets.push(["p50 of one message over that of the bare WebSocket", "≤ 1.1", short(by), ""]);
  }
  return [
    table(["aim", "", "by the clock", "by CPU"], targets),
    ...sizes.map(size => throughput(results.throughput[size], size)),
    waiting(latencies),
    memory(results.memories),
  ].join("\n\n");
}

/** Writes the section of the browser, and the chart. */
export async function write(results) {
  const { browser, batches, rounds } = results;
  const text = [
    BEGIN,
    `Chromium ${browser}, ${cpus()[0].model.trim()}, ${cpus().length} cores, with a load of ${loadavg()[0].toFixed(1)} at the end; medians of ${rounds} interleaved rounds. In a frame of 64 KiB are ` +
      Object.entries(batches).map(([size, count]) => `${count} messages of ${size} B`).join(", ") + ".",
    "![Messages per second over a bare WebSocket](images/performance-browser.svg)",
    judge(results),
    END,
  ].join("\n\n");
  const file = join(DOCS, "performance.md");
  const before = await readFile(file, "utf8");
  const [begin, end] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${file} has no place for the browser`);
  await writeFile(file, before.slice(0, begin) + text + before.slice(end + END.length));
  const [size, samples] = Object.entries(results.throughput)[0];
  const bars = Object.keys(samples).map(label => [label, ratio(samples, label, BARE, "rate")]);
  await writeFile(join(DOCS, "images/performance-browser.svg"), chart(`Messages of ${size} B a second, over a bare WebSocket`, bars));
}
