// The words of the API: options, states, events. Types alone: nothing of this file is in what ships.

import type { EverwireError } from "./error.js";
import type { Message } from "./delivery.js";

/** A place in a topic's log, as text: the log's epoch and the offset in it. */
export type Position = `${string}-${number}`;

/** How bytes travel. `tab`: by another tab's connection, with `shareTabs`. */
export type Transport = "websocket" | "sse" | "eventsource" | "longpoll" | "poll" | "tab";

/** Where a subscription starts: with what is written from now on, with the oldest that is kept, after a position, or with the newest so many. */
export type From = "latest" | "earliest" | Position | { readonly last: number };

/** A token, or none: what the server makes of that is up to it. */
export type Token = string | null | undefined;

/** Options of a client. Times are in milliseconds. */
export interface ClientOptions {
  /**
   * Who knows the access token: asked before each connect, and ahead of the old one's end. It goes into a header or a frame,
   * never into a URL. One that throws is a failed attempt, tried again with backoff.
   */
  readonly token?: () => Token | Promise<Token>;
  /** Which transports may be used, the preferred one first. Default: WebSocket, SSE, long poll. */
  readonly transports?: readonly Exclude<Transport, "tab">[];
  /** What this client tells others of itself in presence, such as a display name. */
  readonly info?: string;
  /** Who this client is. Default: 128 random bits, anew for each. Keep one over reloads, in secret, to stay the same member in presence. */
  readonly clientId?: string;
  /** No wait between attempts is longer. Default: 20,000. */
  readonly backoffMax?: number;
  /** How long a transport may take until it works. Default: 10,000. */
  readonly connectTimeout?: number;
  /** How much later than announced a heartbeat may be. Default: 10,000. */
  readonly heartbeatGrace?: number;
  /** How often the round trip is measured. Default: 25,000. */
  readonly pingInterval?: number;
  /** How long the server may hold a long poll. Default: 25,000. */
  readonly pollWait?: number;
  /** The time between plain polls. Default: 2,000. */
  readonly pollInterval?: number;
  /** Closes the client when it is aborted. */
  readonly signal?: AbortSignal;
  /** Needs the entry `everwire/full`. */
  readonly shareTabs?: never;
  /** Needs the entry `everwire/full`. */
  readonly persist?: never;
  /** Needs the entry `everwire/full`. */
  readonly debug?: never;
}

/** Options of a client of `everwire/full`. */
export interface FullClientOptions extends Omit<ClientOptions, "shareTabs" | "persist" | "debug"> {
  /**
   * Shares one connection with the other tabs of this origin that name the same server and the same scope. The connection has the
   * token of the tab that leads: let the scope tell users apart, such as by a user's id.
   */
  readonly shareTabs?: string;
  /** Keeps publishes that have no ack yet in an IndexedDB of this name (`true`: one for the server), so that they outlive the page. */
  readonly persist?: boolean | string;
  /** Writes what the client does to the console, line by line. */
  readonly debug?: boolean;
}

/** Why the connection changed. */
export type Reason =
  | "asked" | "welcomed" | "network" | "silent" | "unanswered" | "connect-timeout" | "closed" | "status" | "drain"
  | "malformed" | "token" | "offline" | "back" | "suspended" | "transport" | "load";

interface StatusOf<S extends string> {
  /** `connecting`: trying. `connected`: it works. `waiting`: it failed, and is tried again. `offline`: nothing is tried until the network, or the page, is back. `closed`: for good. */
  readonly state: S;
  /** Why. `load`: the WebAssembly module could not be loaded. */
  readonly reason: Reason;
  /** The close code or HTTP status that was the reason, where there is one. */
  readonly code?: number;
  /** How many attempts in a row have failed. */
  readonly attempt: number;
}

/** What a connection is doing; `state` tells which. */
export type Status =
  | (StatusOf<"connecting"> & { readonly transport?: Transport })
  | (StatusOf<"connected"> & {
      readonly transport: Transport;
      /** With `transport: "tab"`: what the tab that has the connection uses. */
      readonly via?: Transport;
    })
  | (StatusOf<"waiting"> & {
      /** When it is tried again, as `performance.now()` counts. None while a hidden page waits to be seen. */
      readonly retryAt?: number;
      /** In how many milliseconds it was to be tried again when this was told. */
      readonly retryIn?: number;
    })
  | StatusOf<"offline">
  | StatusOf<"closed">;

/** What a connection is doing, in a word. */
export type State = Status["state"];

/** What a client has seen so far. Times are in milliseconds, the rest are counts. */
export interface Stats {
  readonly roundTrip?: number;
  /** How long the last dead link took to be noticed. */
  readonly timeToDetect?: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly messagesReceived: number;
  readonly published: number;
  readonly acked: number;
  readonly rejected: number;
  readonly expired: number;
  readonly reconnects: number;
  readonly failedAttempts: number;
  /** Subscriptions that went on from where they had been. */
  readonly resumes: number;
  readonly gaps: number;
  /** Messages that came again, and were dropped. */
  readonly repeats: number;
  readonly stale: number;
  readonly malformed: number;
  readonly pauses: number;
  /** Messages that gave way to newer ones of their key. */
  readonly conflated: number;
  readonly outboxMessages: number;
  readonly outboxBytes: number;
  /** Transports that are given up for now. */
  readonly blocked: readonly Transport[];
}

/** Somebody on a topic. */
export interface Member {
  readonly id: string;
  /** Who the server says it is; none for an anonymous one. */
  readonly subject?: string;
  /** What it says of itself. */
  readonly info?: string;
}

/** Options of a subscription; `S` is what its snapshot loads. */
export interface SubscribeOptions<S = never> {
  /** Where to start. Default: `latest`. */
  readonly from?: From;
  /** To be listed among the topic's members, and told who comes and goes. */
  readonly presence?: boolean;
  /** Of messages that wait here, only the newest of each key is of interest. */
  readonly conflate?: boolean;
  /**
   * Loads state beside the messages, without a race: asked with the position after which messages follow, when the subscription
   * first stands and at each gap. Messages wait for its answer, and those that the state has in it, by its own
   * `position`, don't come again. One that throws is told of by `snapshotfailed`, and asked again.
   */
  readonly snapshot?: (position: Position) => Loaded<S> | Promise<Loaded<S>>;
  /** Unsubscribes when it is aborted. */
  readonly signal?: AbortSignal;
}

/** What a snapshot loads. */
export interface Loaded<S> {
  readonly state: S;
  /** Up to where the topic's messages are in it, where its source knows that. */
  readonly position?: Position;
}

/** Messages that can no longer be had, in their place among the messages. */
export interface Gap {
  readonly type: "gap";
  /** The first offset lost. */
  readonly from: number;
  /** The last one, where it is known. */
  readonly to?: number;
  /** `evicted`: the server no longer keeps them. `epoch`: the log began anew. */
  readonly reason: "evicted" | "epoch";
  /** Where the messages go on. */
  readonly position: Position;
}

/** A message that is not logged. */
export interface Ephemeral<T> {
  readonly type: "ephemeral";
  readonly data: T;
  /** When the server took it in, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** Its publisher's subject, where the server knows one. */
  readonly from?: string;
}

/** Who is on the topic; replaces what was known. */
export interface Members { readonly type: "members"; readonly members: readonly Member[] }
/** Somebody came, or tells something new of themselves. */
export interface Join { readonly type: "join"; readonly member: Member }
/** Somebody went. */
export interface Leave { readonly type: "leave"; readonly member: Member }

/** The subscription stands, for the first time or again. */
export interface Subscribed {
  readonly type: "subscribed";
  /** The next message is the one after it. */
  readonly position: Position;
  /** It went on from where it had been, and nothing was lost. */
  readonly recovered: boolean;
}

/** What the snapshot loaded; what follows is newer. */
export interface Snapshot<S> { readonly type: "snapshot"; readonly state: S }

/** The snapshot failed; messages wait, and it is asked again. */
export interface SnapshotFailed {
  readonly type: "snapshotfailed";
  readonly message: string;
  readonly attempt: number;
  readonly retryIn: number;
}

/** The subscription has ended for good. */
export interface Failed { readonly type: "failed"; readonly error: EverwireError }

/** What a subscription tells, in order; `type` tells which. */
export type SubscriptionEvent<T, S = never> =
  | Message<T> | Gap | Ephemeral<T> | Members | Join | Leave | Subscribed | Snapshot<S> | SnapshotFailed | Failed;

/** An event's type. */
export type EventName = SubscriptionEvent<unknown>["type"];

/** The event of a type. */
export type EventOf<K extends EventName, T, S = never> = Extract<SubscriptionEvent<T, S>, { readonly type: K }>;

/** Options of a publish. */
export interface PublishOptions {
  /** What the message is about: a newer one of the same key replaces it where a subscriber conflates. */
  readonly key?: string;
  /** Deliver it to who is there now, and log nothing. */
  readonly ephemeral?: boolean;
  /** `text`: a string as it is. Default: bytes for buffers, JSON for all else. */
  readonly kind?: "text";
}

/** A promise that a publish took effect: of its position, or of `undefined` for an ephemeral one. It rejects with an {@link EverwireError}. */
export type Publishing<P = Position> = Promise<P> & {
  /** The id that the message carries when it comes back; `undefined` before the module has loaded. */
  readonly id: string | undefined;
};

/** Which page of a topic's history. Without an offset, the newest. */
export interface HistoryOptions {
  /** Messages before this offset. */
  readonly before?: number;
  /** Messages after this offset. */
  readonly after?: number;
  /** At most so many. Default: 100. The server may send fewer. */
  readonly limit?: number;
}

/** A page of history. */
export interface Page<T> {
  /** The oldest first, without holes. */
  readonly messages: readonly Message<T>[];
  /** Whether there is more on that side. */
  readonly more: boolean;
}

/** What became of a publish that an earlier page left, with `persist`. */
export type Restored = { readonly id: string } & (
  | { readonly position?: Position; readonly error?: undefined }
  | { readonly error: EverwireError; readonly position?: undefined }
);
