// The cases of a WebSocket: what the server does, and what the page does besides waiting for the close. `page` is run in the page, with the
// socket and its log; what it needs is in it.

const text = 0x81, binary = 0x82;

/** Greets, does something, and closes in order. */
const says = (...frames) => ({
  answers: [async c => {
    await c.accept();
    for (const [first, payload, masked] of frames) await c.send(first, payload, masked);
    await c.close(1000, "done");
  }],
});

/** Does what is wrong: the page closes by itself. */
const breaks = (...frames) => ({
  answers: [async c => {
    await c.accept();
    for (const [first, payload, masked] of frames) await c.send(first, payload, masked);
  }],
});

/** Sends back as text what it gets, with the opcode, so many times; then it is closed. */
const echoes = (count, page) => ({
  page,
  answers: [async c => {
    await c.accept();
    for (let i = 0; i < count; i++) {
      const { opcode, payload } = await c.frame();
      // One that came back, and is closed as the case is over.
      if (opcode === 8) return c.socket.end();
      await c.send(text, `${opcode} ${payload}`);
    }
    await c.close(1000, "done");
  }],
});

/** The page closes; the server answers as it should. */
const closedBy = page => ({
  page,
  answers: [async c => {
    await c.accept();
    const { payload } = await c.frame();
    await c.send(0x88, payload);
    c.socket.end();
  }],
});

const closes = (code, reason) => ({ answers: [async c => { await c.accept(); await c.close(code, reason); }] });

const refuses = (status, headers = {}) => ({ answers: [async c => { await c.head(status, headers); c.socket.end(); }] });

export const sockets = {
  // Messages.
  "a-text": says([text, "na\u00efve \u{1f980}"]),
  "an-empty-text": says([text, ""]),
  "bytes-are-a-blob": says([binary, "abc"]),
  "bytes-as-an-array-buffer": { ...says([binary, "abc"]), page: socket => { socket.binaryType = "arraybuffer"; } },
  "a-binaryType-that-is-none": {
    ...says([binary, "abc"]),
    page: (socket, log) => { socket.binaryType = "text"; log(`binaryType ${socket.binaryType}`); },
  },
  "a-message-in-pieces": says([0x01, "one "], [0x00, "two "], [0x80, "three"]),
  "a-ping-between-the-pieces": says([0x01, "one "], [0x89, "ping"], [0x80, "two"]),
  "pings-and-pongs-are-not-seen": says([0x89, "ping"], [0x8a, "pong"], [text, "one"]),
  "many-messages-in-order": says(...Array.from({ length: 20 }, (_, index) => [text, `${index}`])),
  // What breaks it.
  "a-frame-that-is-masked": breaks([text, "one", true]),
  "a-text-that-is-no-UTF-8": breaks([text, Buffer.from([0xff])]),
  "an-opcode-that-is-none": breaks([0x83, "one"]),
  "a-reserved-bit": breaks([0xc1, "one"]),
  "a-ping-in-pieces": breaks([0x09, "one"]),
  "a-continuation-of-nothing": breaks([0x80, "one"]),
  "a-close-of-one-byte": breaks([0x88, "x"]),
  "the-socket-is-cut": { answers: [async c => { await c.accept(); await c.send(text, "one"); c.socket.end(); }] },
  // Handshakes.
  "status-200": refuses(200),
  "status-401": refuses(401),
  "status-404": refuses(404),
  "status-503": refuses(503),
  "a-redirect": refuses(302, { location: "/case/ws-a-text/0" }),
  "a-wrong-key": refuses(101, { upgrade: "websocket", "sec-websocket-accept": "none" }),
  "a-subprotocol": { protocols: ["one", "two"], answers: [async c => { await c.accept({ "sec-websocket-protocol": "two" }); await c.close(1000); }] },
  "a-subprotocol-that-was-not-asked-for": { protocols: ["one"], answers: [async c => { await c.accept({ "sec-websocket-protocol": "two" }); }] },
  "no-subprotocol-though-asked-for": { protocols: ["one"], answers: [async c => { await c.accept(); await c.close(1000); }] },
  // Closes of the server.
  "closed-with-1000": closes(1000, "bye"),
  "closed-with-1001": closes(1001, "going"),
  "closed-with-1011": closes(1011, "error"),
  "closed-with-3000": closes(3000, ""),
  "closed-with-4999": closes(4999, "na\u00efve"),
  "closed-without-a-code": closes(),
  "the-state-after-a-close": {
    ...closes(1001, "going"),
    page: (socket, log) => socket.addEventListener("close", () => log(`state ${socket.readyState}`), { once: true }),
  },
  "closed-with-1005-on-the-wire": breaks([0x88, Buffer.from([0x03, 0xed])]),
  // Sending.
  "sends-of-all-types": echoes(5, async socket => {
    await new Promise(resolve => socket.addEventListener("open", resolve, { once: true }));
    socket.send("text");
    socket.send(new TextEncoder().encode("view").subarray(1, 3));
    socket.send(new TextEncoder().encode("buffer").buffer);
    socket.send(new Blob(["blob"]));
    socket.send(12.5);
  }),
  "a-send-before-it-is-open": {
    page: (socket, log) => {
      try { socket.send("early"); log("taken"); } catch (error) { log(`throws ${error.name}`); }
    },
    answers: [async c => { await c.accept(); await c.close(1000, "done"); }],
  },
  "a-send-after-the-close": {
    ...closes(1000, "bye"),
    page: (socket, log) => socket.addEventListener("close", () => {
      socket.close();
      const before = socket.bufferedAmount;
      socket.send("12345");
      log(`bufferedAmount + ${socket.bufferedAmount - before}`);
    }, { once: true }),
  },
  "bufferedAmount-while-open": {
    ...echoes(1, async (socket, log) => {
      await new Promise(resolve => socket.addEventListener("open", resolve, { once: true }));
      socket.send("12345");
      log(`bufferedAmount ${socket.bufferedAmount}`);
    }),
  },
  // Closes of the page.
  "close-without-a-code": closedBy(socket => socket.addEventListener("open", () => socket.close())),
  "close-with-1000": closedBy(socket => socket.addEventListener("open", () => socket.close(1000, "bye"))),
  "close-with-4999": closedBy(socket => socket.addEventListener("open", () => socket.close(4999))),
  "close-while-it-connects": {
    page: (socket, log) => { socket.close(); log(`state ${socket.readyState}`); },
    answers: [async c => { await c.accept(); }],
  },
  "close-twice": closedBy((socket, log) => socket.addEventListener("open", () => {
    socket.close(3001, "first");
    socket.close(3002, "second");
    log(`state ${socket.readyState}`);
  })),
  "close-with-what-is-no-code": {
    ...closes(1000, "bye"),
    page: (socket, log) => {
      for (const code of [0, 999, 1001, 1005, 2999, 5000, 65536 + 1000]) {
        try { socket.close(code); log(`${code} is taken`); } catch (error) { log(`${code} throws ${error.name}`); }
      }
    },
  },
  "close-with-a-long-reason": {
    ...closes(1000, "bye"),
    page: (socket, log) => {
      try { socket.close(1000, "\u00ef".repeat(62)); log("taken"); } catch (error) { log(`throws ${error.name}`); }
    },
  },
};
