// The other side of every client: serves the page, greets whoever connects as its own server would, and sends what was
// prepared, as fast as the socket takes it. One connection at a time is measured. Knows no browser.

import { once } from "node:events";
import { createServer } from "node:http";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { Server as SocketIo } from "socket.io";
import { WebSocketServer } from "ws";
import { TOPIC, binary, encoders, prepare, wsFrame } from "./wire.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
/** A page that is alone by these may measure time in 5 µs instead of 100. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};
const STREAM = { "content-type": "text/event-stream", "cache-control": "no-store", ...ISOLATED };
const OPEN = 1;
/** The first message comes by itself, as the greeting; what is measured begins behind it. */
const FIRST = 2;

/** Starts it on a free port. `recorded` is of the real server, `files` the folder with the page. */
export async function serve(files, recorded) {
  const encode = encoders(recorded);
  /** What the page asked for: the size and number of messages, and how many go into a frame. */
  let plan = { size: 120, count: 1, batch: 1 };
  /** The connection that is measured. */
  let current;
  const prepared = new Map();

  const http = createServer((request, response) => {
    const path = new URL(request.url, "http://bench").pathname;
    if (path === "/v1/sse") return stream(response, "events", recorded.stream.greeting);
    if (path === "/raw") return stream(response, "raw", ": hello\n\n");
    sendFile(files, path, response);
  });

  /** `greeted` is a connection to which its first message may be sent. */
  function greeted(kind, socket) {
    current = { kind, socket, next: 1, batch: kind === "centrifuge" || kind === "everwire" ? plan.batch : 1 };
    one();
  }

  /** Sends the next message by itself. */
  function one() {
    const { kind, socket } = current;
    for (const part of encode[kind]([[current.next++, plan.size]])) socket.write(part);
  }

  /** Makes what is to be sent. */
  function ready() {
    const { kind, batch, next: first } = current;
    const key = [kind, batch, plan.size, plan.count, first].join();
    if (!prepared.has(key)) {
      // Rounds begin at the same message each, and what they want is kept. What goes on is not asked for twice.
      if (first > FIRST) prepared.clear();
      prepared.set(key, prepare(encode[kind], { first, count: plan.count, size: plan.size, batch }));
    }
    return prepared.get(key);
  }

  /** Sends it, never more at once than the socket takes. */
  async function blast() {
    const { socket } = current;
    const buffers = ready();
    current.next += plan.count;
    for (const buffer of buffers) {
      if (socket.destroyed) return;
      if (!socket.write(buffer)) await room(socket);
    }
  }

  function stream(response, kind, greeting) {
    response.writeHead(200, STREAM);
    response.write(greeting);
    greeted(kind, response);
  }

  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const io = new SocketIo(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
  io.on("connection", socket => greeted("socketio", socket.conn.transport.socket._socket));
  http.on("upgrade", (request, socket, head) => {
    const path = new URL(request.url, "http://bench").pathname;
    if (path.startsWith("/socket.io")) return;
    sockets.handleUpgrade(request, socket, head, accepted => {
      const accept = { "/control": control, "/centrifuge": centrifuge, "/v1/ws": everwire, "/bare": bare }[path];
      if (accept) accept(accepted, socket);
      else accepted.close();
    });
  });

  const bare = (_, socket) => greeted("bare", socket);

  function centrifuge(client, socket) {
    client.on("message", data => {
      for (const line of String(data).split("\n")) {
        const command = JSON.parse(line);
        if (command.connect) {
          const connect = { client: "bench", version: "0.0.0", ping: 25, pong: true };
          socket.write(wsFrame(JSON.stringify({ id: command.id, connect })));
        }
        if (command.subscribe) {
          socket.write(wsFrame(JSON.stringify({ id: command.id, subscribe: {} })));
          greeted("centrifuge", socket);
        }
      }
    });
  }

  /** Replays the real server's greeting when the topic is asked for, and answers pings. */
  function everwire(client, socket) {
    client.on("message", data => {
      for (const { kind, body } of binary.frames(data)) {
        if (kind === binary.SUBSCRIBE && body.includes(TOPIC)) {
          socket.write(wsFrame(recorded.greeting));
          greeted("everwire", socket);
        } else if (kind === binary.PING) {
          socket.write(wsFrame(binary.pong(body)));
        }
      }
    });
  }

  /** The page says what it wants, and when. */
  function control(client) {
    client.on("message", async data => {
      const command = JSON.parse(String(data));
      if (command.plan) plan = command.plan;
      if (command.ready) ready();
      if (command.one) return one();
      if (command.blast) return blast();
      if (client.readyState === OPEN) client.send("ok");
    });
  }

  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const stop = () => {
    io.close();
    http.closeAllConnections();
    http.close();
  };
  return { origin: `http://127.0.0.1:${http.address().port}`, stop };
}

/** Until a socket takes more, or nothing any more. */
function room(socket) {
  return new Promise(resolve => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

async function sendFile(files, path, response) {
  const file = join(files, normalize(path === "/" ? "/index.html" : path));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return response.writeHead(404, ISOLATED).end();
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...ISOLATED });
  createReadStream(file).pipe(response);
}
