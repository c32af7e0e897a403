// What the types promise. Compiled against the packed package, and never run.

import { expectTypeOf } from "expect-type";
import {
  Client, EverwireError, init, Message, ReconnectingWebSocket, ResumableEventSource, Subscription, type Ephemeral, type Gap, type Member, type Page,
  type Position, type SocketCloseEvent, type StateEvent, type Stats, type Status, type StreamErrorEvent, type SubscriptionEvent,
} from "everwire";
import { Client as Alone } from "everwire/client";
import { Client as Full } from "everwire/full";
import { Client as Inline } from "everwire/inline";
import { ReconnectingWebSocket as Socket } from "everwire/websocket";
import { ResumableEventSource as Source } from "everwire/eventsource";

interface Chat { user: string; text: string }

const client = new Client("https://example.com", { token: async () => "token", transports: ["websocket", "sse"] });

// Payloads are of the type that the app says, and unknown otherwise.
const room = client.subscribe<Chat>("room:general", { from: { last: 50 }, signal: AbortSignal.timeout(1) });
expectTypeOf(room).toEqualTypeOf<Subscription<Chat, never>>();
expectTypeOf(client.subscribe("room:general")).toEqualTypeOf<Subscription<unknown, never>>();
client.subscribe("t", { from: "k3x9-17" });
// @ts-expect-error a start is a word, a position or a count
client.subscribe("t", { from: "yesterday" });

// Events are told apart by their type, and nothing is there that is not.
for await (const event of room) {
  expectTypeOf(event).toEqualTypeOf<SubscriptionEvent<Chat>>();
  switch (event.type) {
    case "message":
      expectTypeOf(event).toEqualTypeOf<Message<Chat>>();
      expectTypeOf(event.data).toEqualTypeOf<Chat>();
      expectTypeOf(event.position).toEqualTypeOf<Position>();
      expectTypeOf(event.key).toEqualTypeOf<string | undefined>();
      break;
    case "gap":
      expectTypeOf(event).toEqualTypeOf<Gap>();
      expectTypeOf(event.reason).toEqualTypeOf<"evicted" | "epoch">();
      break;
    case "ephemeral":
      expectTypeOf(event).toEqualTypeOf<Ephemeral<Chat>>();
      break;
    case "failed":
      expectTypeOf(event.error).toEqualTypeOf<EverwireError>();
      // @ts-expect-error a failure has no payload
      event.data;
      break;
    case "snapshot":
      expectTypeOf(event.state).toBeNever();
      break;
    case "members": case "join": case "leave": case "subscribed": case "snapshotfailed":
      break;
    default:
      expectTypeOf(event).toBeNever();
  }
}

// The same by callbacks and by listeners.
room.onmessage = message => expectTypeOf(message.data).toEqualTypeOf<Chat>();
room.ongap = gap => expectTypeOf(gap.to).toEqualTypeOf<number | undefined>();
room.addEventListener("message", event => {
  expectTypeOf(event).toExtend<Event>();
  expectTypeOf(event.data).toEqualTypeOf<Chat>();
});
for await (const batch of room.batches()) expectTypeOf(batch).toEqualTypeOf<SubscriptionEvent<Chat>[]>();

// A snapshot's state has its type.
const rooms = client.subscribe<Chat, string[]>("rooms", { snapshot: async position => {
  expectTypeOf(position).toEqualTypeOf<Position>();
  return { state: ["general"] };
} });
rooms.onsnapshot = ({ state }) => expectTypeOf(state).toEqualTypeOf<string[]>();

// A publish tells its position, and an ephemeral one has none.
expectTypeOf(await client.publish("t", { any: "thing" })).toEqualTypeOf<Position>();
expectTypeOf(await client.publish("t", 1, { ephemeral: true })).toEqualTypeOf<undefined>();
expectTypeOf(client.publish("t", 1).id).toEqualTypeOf<string | undefined>();
client.publish<Chat>("t", { user: "ada", text: "hello" });
// @ts-expect-error what is published is of the type that was said
client.publish<Chat>("t", { user: "ada" });

expectTypeOf(await room.history({ before: 7 })).toEqualTypeOf<Page<Chat>>();
expectTypeOf(await client.presence("t")).toEqualTypeOf<readonly Member[]>();
expectTypeOf(client.stats()).toEqualTypeOf<Stats>();

// States are told apart.
client.addEventListener("state", event => {
  expectTypeOf(event).toEqualTypeOf<StateEvent>();
  if (event.state === "waiting") expectTypeOf(event.retryIn).toEqualTypeOf<number | undefined>();
  // @ts-expect-error who is connected waits for nothing
  if (event.state === "connected") event.retryIn;
});
expectTypeOf(client.status).toEqualTypeOf<Status>();
expectTypeOf(client.state).toEqualTypeOf<"connecting" | "connected" | "waiting" | "offline" | "closed">();

// They can be disposed of.
expectTypeOf(client).toExtend<Disposable & AsyncDisposable>();
expectTypeOf(room).toExtend<Disposable & AsyncDisposable & AsyncIterable<SubscriptionEvent<Chat>>>();

// What only one entry has, no other takes.
// @ts-expect-error needs everwire/full
new Client("", { persist: true });
new Full("", { persist: true, shareTabs: "ada", debug: true });
expectTypeOf<typeof Inline>().toEqualTypeOf<typeof Client>();
expectTypeOf<typeof Alone>().toEqualTypeOf<typeof Client>();
expectTypeOf(init).returns.toEqualTypeOf<Promise<void>>();

// The drop-ins stand where the platform's own stand.
expectTypeOf<typeof Socket>().toEqualTypeOf<typeof ReconnectingWebSocket>();
expectTypeOf<typeof Source>().toEqualTypeOf<typeof ResumableEventSource>();
const socket = new ReconnectingWebSocket("wss://example.com", [], { maxRetries: Infinity });
expectTypeOf(socket).toExtend<Pick<WebSocket, "url" | "readyState" | "bufferedAmount" | "binaryType" | "protocol" | "extensions" | "close">>();
socket.onclose = event => expectTypeOf(event).toEqualTypeOf<SocketCloseEvent>();
socket.addEventListener("message", event => expectTypeOf(event).toEqualTypeOf<MessageEvent>());
const source = new ResumableEventSource("/stream", { headers: { authorization: "…" }, method: "POST", body: "{}", heartbeatTimeout: 45_000 });
expectTypeOf(source).toExtend<Pick<EventSource, "url" | "readyState" | "withCredentials" | "close">>();
source.onerror = event => expectTypeOf(event).toEqualTypeOf<StreamErrorEvent>();
source.addEventListener("other", event => expectTypeOf(event.data).toEqualTypeOf<string>());
