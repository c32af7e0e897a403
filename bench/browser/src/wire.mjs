// Bytes on the wire, prepared before anything is measured: WebSocket frames, the peers' messages, and Everwire's own,
// made anew from what the real server sent. Knows no socket and no client.

/** The topic, or channel, of everything that is measured. */
export const TOPIC = "bench";

/** So many bytes are handed to a socket at once. */
const WRITE_BYTES = 64 * 1024;

/** A message's JSON: its number, and text up to exactly `size` bytes. */
export function json(seq, size) {
  const head = `{"seq":${seq},"user":"ada","kind":"chat","text":"`;
  const text = "the quick brown fox jumps over the lazy dog, ".repeat(Math.ceil(size / 45));
  return `${head}${text.slice(0, size - head.length - 2)}"}`;
}

/** A WebSocket frame as a server sends it. */
export function wsFrame(payload) {
  const text = typeof payload === "string";
  const body = text ? Buffer.from(payload) : payload;
  const header = Buffer.alloc(10);
  header[0] = 0x80 | (text ? 1 : 2);
  let length = 2;
  if (body.length < 126) {
    header[1] = body.length;
  } else if (body.length < 65536) {
    header[1] = 126;
    length = header.writeUInt16BE(body.length, 2);
  } else {
    header[1] = 127;
    length = header.writeBigUInt64BE(BigInt(body.length), 2);
  }
  return Buffer.concat([header.subarray(0, length), body]);
}

function varint(value) {
  const bytes = [];
  while (value >= 0x80) {
    bytes.push((value % 0x80) | 0x80);
    value = Math.floor(value / 0x80);
  }
  bytes.push(value);
  return Buffer.from(bytes);
}

function prefixed(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function frame(kind, ...fields) {
  const body = Buffer.concat([Buffer.from([kind]), ...fields]);
  return Buffer.concat([varint(body.length), body]);
}

/** Everwire's binary codec, as much of it as is needed to ask for a topic and to answer pings. */
export const binary = {
  MESSAGES: 0x83,
  SUBSCRIBE: 0x02,
  PING: 0x0a,
  connect: id => frame(0x01, Buffer.from([0]), prefixed(id)),
  subscribeEarliest: topic => frame(0x02, Buffer.from([0]), prefixed(topic), Buffer.from([1])),
  pong: nonce => frame(0x8d, nonce),

  /** A frame of JSON records with contiguous offsets, each with its time and its payload. */
  messages(alias, first, records) {
    const written = records.flatMap(([time, payload]) => [Buffer.from([0]), varint(time), prefixed(payload)]);
    return frame(0x83, varint(alias), varint(first), varint(records.length), ...written);
  },

  /** What is in the body of such a frame. */
  readMessages(body) {
    let at = 0;
    const number = () => {
      let value = 0;
      for (let unit = 1; ; unit *= 0x80) {
        const byte = body[at++];
        value += (byte & 0x7f) * unit;
        if (byte < 0x80) return value;
      }
    };
    const [alias, first, count] = [number(), number(), number()];
    const records = Array.from({ length: count }, () => {
      if (body[at++] !== 0) throw new Error("a record that is not just JSON");
      const [time, length] = [number(), number()];
      at += length;
      return [time, body.toString("utf8", at - length, at)];
    });
    return { alias, first, records };
  },

  /** The frames of a message: their type and their body after it. */
  *frames(message) {
    let at = 0;
    const number = () => {
      let value = 0;
      for (let unit = 1; ; unit *= 0x80) {
        const byte = message[at++];
        value += (byte & 0x7f) * unit;
        if (byte < 0x80) return value;
      }
    };
    while (at < message.length) {
      const start = at;
      const length = number();
      at += length;
      yield { kind: message[at - length], body: message.subarray(at - length + 1, at), whole: message.subarray(start, at) };
    }
  },
};

/**
 * How each kind of stream writes the messages from `first` on: `one(seq, size)` is a message of its own; what is batched
 * has `batch(seqs, size)`.
 */
export function encoders(recorded) {
  const { epoch, alias, time } = recorded;
  const push = (seq, size) => `{"push":{"channel":"${TOPIC}","pub":{"data":${json(seq, size)},"offset":${seq}}}}`;
  return {
    bare: seqs => seqs.map(([seq, size]) => wsFrame(json(seq, size))),
    socketio: seqs => seqs.map(([seq, size]) => wsFrame(`42["m",${json(seq, size)}]`)),
    centrifuge: seqs => [wsFrame(seqs.map(([seq, size]) => push(seq, size)).join("\n"))],
    everwire: seqs => [wsFrame(binary.messages(alias, seqs[0][0], seqs.map(([seq, size]) => [time, json(seq, size)])))],
    raw: seqs => seqs.map(([seq, size]) => Buffer.from(`id: ${epoch}-${seq}\ndata: ${json(seq, size)}\n\n`)),
    events: seqs => seqs.map(([seq, size]) => Buffer.from(event(recorded, seq, json(seq, size)))),
  };
}

/** A message as an event of Everwire's stream. */
export function event({ epoch, alias, time }, seq, payload) {
  return `id: ${epoch}-${seq}\ndata: ${alias} ${seq} ${time} json\ndata: ${payload}\n\n`;
}

/** The messages `first..first + count` as buffers to be written, each frame with `batch` messages at the most. */
export function prepare(encode, { first, count, size, batch }) {
  const buffers = [];
  let waiting = [], bytes = 0;
  const flush = () => {
    if (waiting.length > 0) buffers.push(Buffer.concat(waiting));
    [waiting, bytes] = [[], 0];
  };
  for (let at = first; at < first + count; at += batch) {
    const seqs = Array.from({ length: Math.min(batch, first + count - at) }, (_, index) => [at + index, size]);
    for (const part of encode(seqs)) {
      waiting.push(part);
      bytes += part.length;
      if (bytes >= WRITE_BYTES) flush();
    }
  }
  flush();
  return buffers;
}
