// What every page and every program of these tests does: publishes before it is connected, and reads what comes back.

const SENT = ["one", { two: 2 }, [3]];

/** Sends and receives, and says what came, and by which transport. */
export async function exchange(Client, server, topic, options) {
  const client = new Client(server, options);
  const room = client.subscribe(topic, { from: "earliest" });
  const published = SENT.map(data => client.publish(topic, data));
  const got = [];
  for await (const event of room) {
    if (event.type === "failed") throw event.error;
    if (event.type === "message") got.push(event.data);
    if (got.length === SENT.length) break;
  }
  const positions = await Promise.all(published);
  const { transport } = client.status;
  client.close();
  if (JSON.stringify(got) !== JSON.stringify(SENT)) throw new Error(`other messages came: ${JSON.stringify(got)}`);
  return { got, positions, transport, state: client.state };
}

/** The same in a page, with the server and the topic from its address; what came of it is reported. */
export function exchangeInPage(Client, options) {
  const asked = new URLSearchParams(location.search);
  reportOn(exchange(Client, asked.get("server"), asked.get("topic"), options));
}

/** Reports what comes of a promise. */
export function reportOn(promise) {
  promise.then(
    result => globalThis.report({ result }),
    error => globalThis.report({ error: `${error.code ?? error.name}: ${error.message}` }),
  );
}
