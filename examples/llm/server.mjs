// A stand-in for a server that asks a language model: it writes its answer word by word, and remembers it, so that a client that lost
// the stream goes on after the last word that it got (`Last-Event-ID`). It loses the first stream of each answer on purpose.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const folder = join(import.meta.dirname, "dist");
const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
const lost = new Set();

const words = question => `You asked: ${question} The answer is that nothing is lost, whatever breaks on the way.`.split(/(?<= )/);

async function answer(request, response) {
  let body = "";
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 10_000) return response.writeHead(413).end("the question is too long");
  }
  let asked;
  try {
    asked = JSON.parse(body);
  } catch {
    return response.writeHead(400, { "content-type": "text/plain" }).end("not JSON");
  }
  const all = words(String(asked.question));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  for (let n = Number(request.headers["last-event-id"] ?? 0); n < all.length; n++) {
    if (response.destroyed) return;
    response.write(`id: ${n + 1}\ndata: ${all[n]}\n\n`);
    if (n === 4 && !lost.has(asked.id)) {
      lost.add(asked.id);
      return response.end();
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  response.end("event: done\ndata:\n\n");
}

async function file(path, response) {
  try {
    const body = await readFile(join(folder, path === "/" ? "index.html" : join("/", path)));
    response.writeHead(200, { "content-type": types[extname(path)] ?? "text/html" }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (request.method === "POST" && pathname === "/answer") answer(request, response).catch(() => response.destroy());
  else file(pathname, response);
});
server.listen(Number(process.env.PORT ?? 8090), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
