// A socket.io server as its manual has it: clients join the room that they name, and what is posted goes to the room.
// It prints where it listens, like Everwire's server.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
// socket.io passes on what is not its own.
const io = new Server(http, { serveClient: false, transports: ["websocket"] });

http.on("request", (request, response) => {
  const url = new URL(request.url, "http://here");
  if (request.method !== "POST" || url.pathname !== "/pub") return;
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    io.to(url.searchParams.get("id")).emit("message", body);
    response.writeHead(202, { "content-length": "0" }).end();
  });
});

io.on("connection", (socket) => socket.join(socket.handshake.query.topic));

http.listen({ port: Number(process.argv[2] ?? 0), host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`socket.io listening on http://127.0.0.1:${http.address().port}`);
});
