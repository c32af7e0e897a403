// The cases of an event stream: what the server answers, and how the page asks where that is not the plain way. By the chapters of
// the standard: parsing, statuses and types, redirects, coming back, ids, closing, and the interface.

/** Ends a case: the page closes at this event. */
const END = "event: end\ndata:\n\n";

/** One stream with these bytes; the next attempt, if there is one, ends the case. */
const stream = (...pieces) => ({
  answers: [c => c.stream("retry: 10\n\n", ...pieces, END)],
});

const answer = (status, headers = { "content-type": "text/event-stream" }) => ({
  answers: [
    async c => { await c.head(status, headers); await c.write(`data: a body\n\n${END}`); c.socket.end(); },
    c => c.stream(`data: it came back\n\n${END}`),
  ],
});

const redirect = status => ({
  answers: [async c => {
    await c.head(status, { location: "/case/es-a-line-of-data/redirected", "content-length": 0 });
    c.socket.end();
  }],
});

/** A first stream that ends, and one that tells with which id it was asked for. */
const again = (...pieces) => ({
  answers: [
    c => c.stream("retry: 10\n\n", ...pieces),
    c => c.stream(`data: asked with ${JSON.stringify(c.request.headers["last-event-id"] ?? null)}\n\n`, END),
  ],
});

const bytes = (...parts) => Buffer.concat(parts.map(part => Buffer.from(part)));

export const streams = {
  // Parsing.
  "a-line-of-data": stream("data: one\n\n"),
  "two-lines-of-data": stream("data: one\ndata: two\n\n"),
  "lines-end-in-CR": stream("data: one\rdata: two\r\r"),
  "lines-end-in-CRLF": stream("data: one\r\ndata: two\r\n\r\n"),
  "line-ends-mixed": stream("data: one\rdata: two\ndata: three\r\n\n"),
  "a-CRLF-in-two-chunks": stream("data: one\r", "\ndata: two\r", "\n\r", "\n"),
  "a-byte-order-mark": { answers: [c => c.stream("\ufeffdata: one\n\n", END)] },
  "a-comment": stream(": nothing\n:\ndata: one\n: between\ndata: two\n\n"),
  "a-field-without-colon": stream("data\n\ndata\ndata\n\n"),
  "empty-data": stream("data:\n\n"),
  "a-space-after-the-colon": stream("data:one\ndata: two\ndata:  three\ndata:\ttab\n\n"),
  "colons-in-the-value": stream("data: a:b: c\n\n"),
  "a-space-before-the-field": stream(" data: one\ndata: two\n\n"),
  "a-space-before-the-colon": stream("data : one\ndata: two\n\n"),
  "a-field-in-capitals": stream("Data: one\nDATA: two\ndata: three\n\n"),
  "an-unknown-field": stream("date: one\ndata: two\nfoo\n\n"),
  "a-type-of-event": stream("event: other\ndata: one\n\ndata: two\n\n"),
  "a-type-that-is-empty": stream("event: other\nevent:\ndata: one\n\n"),
  "a-type-without-data": stream("event: other\n\ndata: one\n\n"),
  "the-last-type-counts": stream("event: none\nevent: other\ndata: one\n\n"),
  "an-event-called-open": stream("event: open\ndata: one\n\n"),
  "an-event-called-error": stream("event: error\ndata: one\n\n"),
  "an-event-called-message": stream("event: message\ndata: one\n\n"),
  "an-id": stream("id: 1\ndata: one\n\ndata: two\n\n"),
  "an-id-of-an-event-without-data": stream("id: 1\n\ndata: one\n\n"),
  "an-id-that-is-empty": stream("id: 1\ndata: one\n\nid\ndata: two\n\n"),
  "an-id-with-a-NUL": stream("id: 1\ndata: one\n\nid: 2\0\ndata: two\n\n"),
  "a-NUL-in-data": stream("data: a\0b\n\n"),
  "UTF-8-in-two-chunks": stream(bytes("data: na\u00ef").subarray(0, -1), bytes("\u00ef").subarray(1), "ve \u{1f980}\n\n"),
  "what-is-no-UTF-8": stream(bytes("data: a"), Buffer.from([0xff, 0xc3, 0x28]), "b\n\n"),
  "a-BOM-in-the-middle": stream("data: \ufeffone\n\n\ufeffdata: two\n\ndata: three\n\n"),
  "empty-lines": stream("\n\n\n\ndata: one\n\n\n\n"),
  "byte-by-byte": stream(...Array.from("id: 7\nevent: other\ndata: one\n\n")),
  "a-long-line": stream(`data: ${"x".repeat(100_000)}\n\n`),
  // Statuses, and types of content.
  "status-200": answer(200),
  "status-201": answer(201),
  "status-202": answer(202),
  "status-204": answer(204),
  "status-205": answer(205),
  "status-206": answer(206),
  "status-304": answer(304),
  "status-400": answer(400),
  "status-401": answer(401),
  "status-403": answer(403),
  "status-404": answer(404),
  "status-410": answer(410),
  "status-429": answer(429),
  "status-500": answer(500),
  "status-502": answer(502),
  "status-503": answer(503),
  "type-with-charset": answer(200, { "content-type": "text/event-stream; charset=utf-8" }),
  "type-with-another-charset": answer(200, { "content-type": "text/event-stream; charset=iso-8859-1" }),
  "type-with-a-parameter": answer(200, { "content-type": "text/event-stream;x=1" }),
  "type-in-capitals": answer(200, { "content-type": "TEXT/Event-Stream" }),
  "type-that-only-begins-so": answer(200, { "content-type": "text/event-streams" }),
  "type-text": answer(200, { "content-type": "text/plain" }),
  "type-html": answer(200, { "content-type": "text/html" }),
  "type-missing": answer(200, {}),
  // Redirects.
  "redirect-301": redirect(301),
  "redirect-302": redirect(302),
  "redirect-303": redirect(303),
  "redirect-307": redirect(307),
  "redirect-308": redirect(308),
  // Coming back, and ids.
  "the-stream-ends": again("data: one\n\n"),
  "the-stream-ends-with-an-id": again("id: 7\ndata: one\n\n"),
  "an-id-that-is-text": again("id: a b\u00ef\ndata: one\n\n"),
  "the-id-was-reset": again("id: 7\ndata: one\n\nid\ndata: two\n\n"),
  "an-event-that-is-cut-off": again("id: 7\ndata: one\n\nid: 8\ndata: two\n"),
  "an-id-without-data-comes-back": again("id: 7\n\n"),
  "a-retry-that-is-no-number": again("retry: soon\nretry: 1x\nretry:\n\ndata: one\n\n"),
  "the-socket-is-cut": {
    answers: [
      async c => {
        await c.head(200, { "content-type": "text/event-stream", "content-length": 1_000 });
        const got = c.got();
        await c.write("retry: 10\nid: 7\ndata: got?\n\n");
        await got;
        c.socket.end();
      },
      c => c.stream(`data: asked with ${c.request.headers["last-event-id"]}\n\n`, END),
    ],
  },
  "refused-when-it-comes-back": { answers: [c => c.stream("retry: 10\ndata: one\n\n"), answer(403).answers[0]] },
  "gone-when-it-comes-back": { answers: [c => c.stream("retry: 10\ndata: one\n\n"), answer(204).answers[0]] },
  "what-it-asks-with": {
    answers: [c => c.stream(`data: accept ${c.request.headers.accept}\ndata: cache ${c.request.headers["cache-control"]}\n\n`, END)],
  },
  // Closing.
  "closed-by-its-handler": { ...stream("data: one\n\ndata: close\n\ndata: two\n\n"), closes: true },
};
