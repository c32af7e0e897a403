// A server that says exactly what it is told to, byte by byte: HTTP and WebSocket over a bare TCP socket, since no library sends what is
// wrong. Each case has a path, and a list of answers: one for each attempt. Knows no browser, and no class.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const ACCEPT_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Starts it. `roots` are folders by the first part of a path, `cases` the answers by name. */
export async function serve(roots, cases) {
  /** How often each URL was asked for: every run of a case has a URL of its own. */
  const attempts = new Map();
  const sockets = new Set();
  /** Who waits until the page says that it has got something, by the same names. */
  const waiting = new Map();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket)).setNoDelay(true);
    head(socket).then(request => answer(socket, request), () => socket.destroy());
  });

  async function answer(socket, request) {
    const [root, name, run] = request.path.slice(1).split("/");
    if (root === "got") {
      waiting.get(`${name}/${run}`)?.();
      return socket.end("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    }
    if (root !== "case") return file(socket, request.path);
    const answers = cases[name]?.answers ?? [];
    const attempt = attempts.get(`${name}/${run}`) ?? 0;
    attempts.set(`${name}/${run}`, attempt + 1);
    const script = answers[Math.min(attempt, answers.length - 1)];
    if (!script) return socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    const got = () => new Promise(resolve => waiting.set(`${name}/${run}`, resolve));
    await script(Object.assign(new Conversation(socket, request), { got }));
  }

  async function file(socket, path) {
    const [, root, ...rest] = path.split("/");
    const found = roots[root] && join(roots[root], normalize(`/${rest.join("/")}`));
    const body = found && await readFile(found).catch(() => undefined);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    const status = body ? "200 OK" : "404 Not Found";
    const length = body?.length ?? 0;
    socket.write(`HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`);
    socket.end(body);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, stop };
}

/** Reads a request's head. */
function head(socket) {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("close", reject).on("data", function read(data) {
      text += data.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", read);
      const [line, ...lines] = text.slice(0, end).split("\r\n");
      const headers = Object.fromEntries(lines.map(line => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }));
      resolve({ path: line.split(" ")[1], headers });
    });
  });
}

/** One request, and what is said to it. */
class Conversation {
  #frames = [];
  #waiting = [];

  constructor(socket, request) {
    Object.assign(this, { socket, request });
  }

  /** Writes bytes, each piece when the one before is on its way: so that they arrive in pieces. */
  async write(...pieces) {
    for (const piece of pieces) {
      await new Promise(resolve => this.socket.write(piece, resolve));
      await new Promise(resolve => setImmediate(resolve));
    }
    return this;
  }

  /** The head of an answer. */
  head(status, headers = {}) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.write(`HTTP/1.1 ${status} Whatever\r\n${lines.join("")}connection: close\r\n\r\n`);
  }

  /** An event stream, in pieces, and its end. */
  async stream(...pieces) {
    await this.head(200, { "content-type": "text/event-stream" });
    await this.write(...pieces);
    this.socket.end();
  }

  /** Accepts a WebSocket. */
  async accept(headers = {}) {
    const key = createHash("sha1").update(this.request.headers["sec-websocket-key"] + ACCEPT_KEY).digest("base64");
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    let waiting = Buffer.alloc(0);
    this.socket.on("data", data => {
      waiting = Buffer.concat([waiting, data]);
      for (let read; (read = frame(waiting)); waiting = waiting.subarray(read.length)) {
        const waiter = this.#waiting.shift();
        if (waiter) waiter(read);
        else this.#frames.push(read);
      }
    });
    await this.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
      `sec-websocket-accept: ${key}\r\n${lines.join("")}\r\n`);
  }

  /** The next frame that the other side sends. */
  frame() {
    const read = this.#frames.shift();
    return read ? Promise.resolve(read) : new Promise(resolve => this.#waiting.push(resolve));
  }

  /** Sends a frame; `first` is its first byte: FIN, reserved bits and the opcode. */
  send(first, payload, masked = false) {
    const body = Buffer.from(payload);
    const length = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 0xff];
    if (masked) length[0] |= 0x80;
    return this.write(Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(masked ? 4 : 0), body]));
  }

  /** Closes in order: with a code and a reason, or without. */
  async close(code, reason = "") {
    await this.send(0x88, code === undefined ? "" : closing(code, reason));
    await this.frame();
    this.socket.end();
  }
}

/** The payload of a close. */
function closing(code, reason) {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** A frame of the client, unmasked, or nothing while some of it is missing. */
function frame(data) {
  if (data.length < 2) return undefined;
  let [length, at] = [data[1] & 0x7f, 2];
  if (length === 126) {
    if (data.length < 4) return undefined;
    [length, at] = [data.readUInt16BE(2), 4];
  }
  if (data.length < at + 4 + length) return undefined;
  const mask = data.subarray(at, at + 4);
  const payload = Buffer.from(data.subarray(at + 4, at + 4 + length).map((byte, index) => byte ^ mask[index % 4]));
  return { opcode: data[0] & 15, payload, length: at + 4 + length };
}
