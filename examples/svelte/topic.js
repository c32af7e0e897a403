import { readable } from "svelte/store";

/** The newest messages of a topic, subscribed to while somebody looks. A burst renders once. */
export const topicStore = (client, topic, keep = 50) => readable([], set => {
  let messages = [];
  const room = client.subscribe(topic, { from: { last: keep } });
  (async () => {
    for await (const batch of room.batches()) {
      const lost = batch.some(event => event.type === "gap");
      const came = batch.filter(event => event.type === "message");
      set(messages = [...(lost ? [] : messages), ...came].slice(-keep));
    }
  })();
  return () => room.close();
});

/** What the connection is doing. */
export const statusStore = client => readable(client.status, set => {
  const changed = () => set(client.status);
  client.addEventListener("state", changed);
  changed();
  return () => client.removeEventListener("state", changed);
});
