// Every client that is measured, used as its documentation says, with its smallest options: `open` connects and hands each
// message's parsed JSON to `deliver`, and returns what closes it. `frames` says whether a frame may hold many messages.

import { fetchEventSource } from "@microsoft/fetch-event-source";
import { Centrifuge } from "centrifuge";
import { createEventSource } from "eventsource-client";
import { WebSocket as PartySocket } from "partysocket";
import { io } from "socket.io-client";
import { everwire } from "./everwire.js";

const { origin } = location;
const ws = path => origin.replace("http", "ws") + path;

export const clients = {
  "WebSocket": {
    open(deliver) {
      const socket = new WebSocket(ws("/bare"));
      socket.onmessage = event => deliver(JSON.parse(event.data));
      return () => socket.close();
    },
  },
  "partysocket": {
    open(deliver) {
      const socket = new PartySocket(ws("/bare"));
      socket.onmessage = event => deliver(JSON.parse(event.data));
      return () => socket.close();
    },
  },
  "socket.io-client": {
    open(deliver) {
      const socket = io(origin, { transports: ["websocket"], forceNew: true });
      socket.on("m", deliver);
      return () => socket.disconnect();
    },
  },
  "centrifuge": {
    frames: true,
    open(deliver) {
      const client = new Centrifuge(ws("/centrifuge"));
      const subscription = client.newSubscription("bench");
      subscription.on("publication", publication => deliver(publication.data));
      subscription.subscribe();
      client.connect();
      return () => client.disconnect();
    },
  },
  "everwire, WebSocket": { frames: true, open: deliver => everwire("websocket", deliver) },
  "EventSource": {
    open(deliver) {
      const source = new EventSource("/raw");
      source.onmessage = event => deliver(JSON.parse(event.data));
      return () => source.close();
    },
  },
  "fetch-event-source": {
    open(deliver) {
      const aborts = new AbortController();
      void fetchEventSource("/raw", {
        signal: aborts.signal,
        openWhenHidden: true,
        onmessage: event => event.data && deliver(JSON.parse(event.data)),
      });
      return () => aborts.abort();
    },
  },
  "eventsource-client": {
    open(deliver) {
      const source = createEventSource({
        url: `${origin}/raw`,
        onMessage: event => deliver(JSON.parse(event.data)),
      });
      return () => source.close();
    },
  },
  "everwire, SSE": { open: deliver => everwire("sse", deliver) },
};
