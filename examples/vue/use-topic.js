import { onScopeDispose, shallowRef } from "vue";

/** The newest messages of a topic. A burst renders once. */
export function useTopic(client, topic, keep = 50) {
  const messages = shallowRef([]);
  const room = client.subscribe(topic, { from: { last: keep } });
  onScopeDispose(() => room.close());
  (async () => {
    for await (const batch of room.batches()) {
      const lost = batch.some(event => event.type === "gap");
      const came = batch.filter(event => event.type === "message");
      messages.value = [...(lost ? [] : messages.value), ...came].slice(-keep);
    }
  })();
  return messages;
}

/** What the connection is doing. */
export function useStatus(client) {
  const status = shallowRef(client.status);
  const changed = () => (status.value = client.status);
  client.addEventListener("state", changed);
  onScopeDispose(() => client.removeEventListener("state", changed));
  return status;
}
