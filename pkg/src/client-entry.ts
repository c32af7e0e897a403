/// <reference lib="esnext.disposable" preserve="true" />
// `everwire/client`: the client alone. Every entry with a client has this.

export { Client, type ClientEventMap, type ClientListener, type StateEvent } from "./client.js";
export { Subscription, type Listened, type Listener } from "./subscription.js";
export { Message } from "./delivery.js";
export { EverwireError, type ErrorCode } from "./error.js";
export { init, type InitInput } from "./module.js";
export type {
  ClientOptions, Ephemeral, EventName, EventOf, Failed, From, Gap, HistoryOptions, Join, Leave, Loaded, Member, Members, Page, Position,
  PublishOptions, Publishing, Reason, Restored, Snapshot, SnapshotFailed, State, Stats, Status, Subscribed, SubscribeOptions,
  SubscriptionEvent, Token, Transport,
} from "./types.js";
