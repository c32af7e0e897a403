import { useEffect, useState, useSyncExternalStore } from "react";

/** The newest messages of a topic. A burst renders once. */
export function useTopic(client, topic, keep = 50) {
  const [messages, setMessages] = useState([]);
  useEffect(() => {
    setMessages([]);
    const room = client.subscribe(topic, { from: { last: keep } });
    (async () => {
      for await (const batch of room.batches()) {
        const lost = batch.some(event => event.type === "gap");
        const came = batch.filter(event => event.type === "message");
        setMessages(known => [...(lost ? [] : known), ...came].slice(-keep));
      }
    })();
    return () => room.close();
  }, [client, topic, keep]);
  return messages;
}

/** What the connection is doing. */
export function useStatus(client) {
  return useSyncExternalStore(
    changed => {
      client.addEventListener("state", changed);
      return () => client.removeEventListener("state", changed);
    },
    () => client.status,
    () => client.status,
  );
}
