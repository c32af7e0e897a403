import { createSignal, onCleanup } from "solid-js";

/** The newest messages of a topic. A burst renders once. */
export function createTopic(client, topic, keep = 50) {
  const [messages, setMessages] = createSignal([]);
  const room = client.subscribe(topic, { from: { last: keep } });
  onCleanup(() => room.close());
  (async () => {
    for await (const batch of room.batches()) {
      const lost = batch.some(event => event.type === "gap");
      const came = batch.filter(event => event.type === "message");
      setMessages(known => [...(lost ? [] : known), ...came].slice(-keep));
    }
  })();
  return messages;
}

/** What the connection is doing. */
export function createStatus(client) {
  const [status, setStatus] = createSignal(client.status);
  const changed = () => setStatus(client.status);
  client.addEventListener("state", changed);
  onCleanup(() => client.removeEventListener("state", changed));
  return status;
}
