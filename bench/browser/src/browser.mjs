// Headless Chromium over its DevTools protocol: a page, its memory, and the time that its threads spent. Knows no client.

import { chromium } from "playwright-core";

const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--js-flags=--expose-gc"];

export async function launch() {
  const executablePath = process.env.CHROME ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const devtools = await browser.newBrowserCDPSession();
  return { browser, devtools, version: browser.version() };
}

/** A page of its own, loaded. */
export async function open({ browser }, url) {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", error => errors.push(error));
  page.on("console", message => message.type() === "error" && errors.push(new Error(message.text())));
  await page.goto(url);
  await page.waitForFunction(() => globalThis.bench);
  await page.evaluate(() => globalThis.bench.ready());
  const session = await page.context().newCDPSession(page);
  // In the time of the thread, not of the clock: what other programs do to the machine does not count.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return { page, session, errors };
}

/** The milliseconds of CPU that the page's main thread has taken. */
export async function mainThread({ session }) {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
}

/** The milliseconds of CPU that all renderers' processes have taken: garbage is collected by other threads, too. */
export async function renderers({ devtools }) {
  const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
  const times = processInfo.filter(({ type }) => type === "renderer").map(({ cpuTime }) => cpuTime);
  return times.reduce((sum, time) => sum + time, 0) * 1000;
}

/** The bytes that the page's JavaScript holds, and those of its buffers, among them wasm's memory. */
export async function memory({ session }) {
  for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize = 0 } = await session.send("Runtime.getHeapUsage");
  return { heap: usedSize, buffers: backingStorageSize };
}

/** How many objects the page holds, functions and all: what a heap's bytes leave in doubt, since V8 keeps some of its own. */
export async function objects({ session }) {
  const objectGroup = "census";
  const { result } = await session.send("Runtime.evaluate", { expression: "Object.prototype", objectGroup });
  const { objects } = await session.send("Runtime.queryObjects", { prototypeObjectId: result.objectId, objectGroup });
  const functionDeclaration = "function () { return this.length; }";
  const counted = await session.send("Runtime.callFunctionOn", { objectId: objects.objectId, functionDeclaration, returnByValue: true });
  await session.send("Runtime.releaseObjectGroup", { objectGroup });
  return counted.result.value;
}
