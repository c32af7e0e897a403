// One headless Chromium for all cases, a context for each page. A page says what came of it by calling `report`.

import { chromium } from "playwright-core";
import { needed } from "./project.mjs";

const DEADLINE = 60_000;
let browser;

async function chrome() {
  browser ??= await chromium.launch({
    executablePath: needed("CHROME"),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  return browser;
}

export async function quit() {
  await browser?.close();
}

/** The address of a page, told which server and topic to use. */
export function address(page, topic) {
  return `${page}?${new URLSearchParams({ server: needed("EVERWIRE_SERVER"), topic })}`;
}

/**
 * Opens a page, and waits until it reports.
 * @returns `{ outcome, wasm, errors }`: what it reported, which modules it fetched, what it complained of
 */
export async function visit(url, act = async () => {}) {
  const context = await (await chrome()).newContext();
  try {
    const page = await context.newPage();
    const wasm = [];
    const errors = [];
    context.on("request", request => {
      if (new URL(request.url()).pathname.endsWith(".wasm")) wasm.push(request.url());
    });
    page.on("pageerror", error => errors.push(String(error.stack ?? error)));
    page.on("console", message => {
      if (message.type() === "error" && !message.text().includes("favicon")) errors.push(`${message.text()} ${message.location().url}`);
    });
    const reported = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${url} reported nothing; it complained of: ${errors.join("; ")}`)), DEADLINE);
      page.exposeBinding("report", (_, outcome) => {
        clearTimeout(late);
        resolve(outcome);
      }).then(() => page.goto(url)).then(() => act(page)).catch(reject);
    });
    const outcome = await reported;
    return { outcome, wasm, errors };
  } finally {
    await context.close();
  }
}
