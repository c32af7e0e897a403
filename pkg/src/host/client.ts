// The client's machine with its host: each input goes into the module, and what follows from it is done here. No code of the app runs amid that.

import { EverwireError } from "../error.js";
import { Host } from "../page.js";
import type { ClientOptions, HistoryOptions, Loaded, Position, PublishOptions } from "../types.js";
import { Links, type Tell } from "./links.js";
import { keep, recall } from "./memory.js";
import type { Entry } from "./queue.js";
import { Input, Told, Reader, TRANSPORTS, BYTES, bring, encode, given, type Room } from "./records.js";
import { Subscription, type Callback } from "./subscription.js";

/** Who waits for an answer. */
interface Waiter {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** Who asks something that is taken under a number or an id, or is not. */
interface Asker {
  taken(id: number | string): void;
  refused(error: unknown): void;
}

type Status = Readonly<Record<string, unknown>> & { readonly state?: string | undefined };

const TIMES = ["backoffMax", "connectTimeout", "heartbeatGrace", "pingInterval", "pollWait", "pollInterval"] as const;
const EPHEMERAL_BIT = 4;

/** What the client's module exports: see `sdk/js-client`. @internal */
export interface ClientModule extends Room {
  /** Makes a machine, and returns its number: −1 where the client's id is none. */
  create(
    seed: number, salt: number, hasToken: boolean, backoffMax: number, connectTimeout: number, heartbeatGrace: number, pingInterval: number,
    pollWait: number, pollInterval: number, worked: number, age: number, transports: number, clientId: number, hasInfo: boolean,
  ): number;
  /** Returns where in the module's memory it stands what follows. */
  input(machine: number, what: number, a: number, b: number, c: number, monotonic: number, wall: number, hidden: boolean): number;
  destroy(machine: number): void;
}

let module: ClientModule;

/** The module is there. */
export const stands = (loaded: ClientModule) => { module = loaded; };

/** @internal */
export class Client extends Host {
  #machine: number;
  #base: string;
  #links: Links;
  #subscriptions = new Map<number, Subscription>();
  /** Publishes by their ids, and questions by their numbers. */
  #waiting = new Map<number | string, Waiter>();
  #asker: Asker | undefined;
  #reader = new Reader();
  /** What the module is to be told of what came of its wishes, once all of them are carried out. */
  #then: Parameters<Tell>[] = [];
  #token: ClientOptions["token"];
  #told: ((status: Status) => void) | undefined;
  #status: Status = { state: "connecting", reason: "asked", attempt: 0 };
  #counters: object = {};
  #conflated = 0;
  #keptOffline = false;
  /** The machine is no more. */
  #over = false;

  constructor(url: string, options: ClientOptions & { readonly transports?: unknown }) {
    super();
    const { token, transports, info, clientId = name() } = options;
    if (token && typeof token !== "function") throw bad("token");
    this.#token = token;
    const base = this.#base = address(url);
    this.#links = new Links(base, this.#input);
    const [seed, salt] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
    const [backoffMax, connectTimeout, heartbeatGrace, pingInterval, pollWait, pollInterval] =
      TIMES.map(time => options[time] ?? NaN) as [number, number, number, number, number, number];
    const first = [numbers(transports), encode(clientId), encode(info ?? "")] as const;
    bring(module, joined(first));
    this.#machine = module.create(
      seed, salt, Boolean(token), backoffMax, connectTimeout, heartbeatGrace, pingInterval, pollWait, pollInterval, ...recall(base),
      first[0].length, first[1].length, info != null,
    );
    if (this.#machine < 0) throw bad("clientId");
    this.live({ changed: what => this.#changed(what), fired: () => this.#input(Input.Fired, 0), free() {} });
    this.#input(Input.Connect, 0);
  }

  /** Calls back with the state, now and at each change. */
  onstate(callback: (status: Status) => void): void {
    this.#told = callback;
    this.#tell();
  }

  subscribe(topic: string, { from = "latest", presence, snapshot, conflate }: {
    readonly from?: string; readonly presence?: boolean; readonly conflate?: boolean; readonly snapshot?: (position: Position) => Loaded<unknown>;
  }, callback: Callback): Subscription {
    if (snapshot && typeof snapshot !== "function") throw bad("snapshot");
    const subscription = new Subscription(this.#input, callback, { conflate: conflate ?? false, ...snapshot ? { snapshot } : {} });
    let refusal: unknown;
    this.#ask({
      taken: id => { this.#subscriptions.set(subscription.id = id as number, subscription); },
      refused: error => { refusal = error; },
    }, Input.Subscribe, presence ? 1 : 0, 0, 0, encode(`${from}\n${topic}`));
    if (refusal) throw refusal;
    return subscription;
  }

  publish(topic: string, value: unknown, { key, ephemeral, kind }: PublishOptions = {}): Promise<unknown> & { id?: string } {
    const bits = ephemeral ? EPHEMERAL_BIT : 0;
    const isText = kind === "text" && typeof value === "string";
    const data = value instanceof Uint8Array ? value : isText ? value : JSON.stringify(value);
    if (data === undefined) return Promise.reject(new EverwireError("not a JSON value", "encode", false));
    const parts = [topic, key ?? "", data].map(part => typeof part === "string" ? encode(part) : part) as [Uint8Array, Uint8Array, Uint8Array];
    const kinds = data === value ? isText ? 1 : BYTES : 0;
    return this.#promise(Input.Publish, bits | kinds, parts[0].length, key === undefined ? -1 : parts[1].length, joined(parts));
  }

  history(topic: string, { before = NaN, after = NaN, limit = 100 }: HistoryOptions = {}): Promise<unknown> {
    return this.#promise(Input.History, before, after, limit, encode(topic));
  }

  presence(topic: string): Promise<unknown> { return this.#promise(Input.Presence, 0, 0, 0, encode(topic)); }

  stats(): object {
    this.#input(Input.Stats, 0);
    return { ...this.#counters, conflated: this.#conflated };
  }

  setTransports(transports: unknown): void { this.#input(Input.Transports, 0, 0, 0, numbers(transports)); }

  cut(): void { this.#input(Input.Cut, 0); }

  goOffline(offline: boolean): void {
    this.#keptOffline = offline;
    this.#input(offline || globalThis.navigator?.onLine === false ? Input.Offline : Input.Online, 0);
  }

  close(): void { this.#input(Input.Close, 0); }

  /** {@link close}: what is closed holds nothing. */
  free(): void { this.close(); }

  #changed(what: number): void {
    const input = Input.Offline + what;
    if (input !== Input.Online || !this.#keptOffline) this.#input(input, 0);
  }

  /** Gives the module an input, does all that it asks for, and tells it of what came of that at once. */
  #input: Tell = (what, a, b, c, bytes) => {
    if (this.#over) return;
    this.#exchange(what, a, b, c, bytes);
    if (this.#status.state === "closed") this.#end();
    while (this.#then.length) this.#input(...this.#then.shift()!);
  };

  #exchange(what: number, a: number, b = 0, c = 0, bytes?: Uint8Array): void {
    if (what === Input.Unsubscribe) this.#subscriptions.delete(a);
    // It matters to who waits for a link only, and takes the longest of all to ask.
    const hidden = this.#status.state !== "connected" && this.hidden();
    const reader = this.#reader;
    if (bytes) bring(module, bytes);
    const start = module.input(this.#machine, what, a, b, c, performance.now(), Date.now(), hidden);
    reader.begin(module.memory.buffer as ArrayBuffer, start);
    while (reader.more) this.#act(reader);
  }

  #act(reader: Reader): void {
    const what = reader.number();
    switch (what) {
      case Told.Open: {
        const attempt = reader.number();
        if (!this.#links.open(attempt, reader.number(), reader.request())) this.#then.push([Input.Closed, attempt]);
        break;
      }
      case Told.Send: return this.#links.send(reader.number(), reader.bytes()!);
      case Told.Poll: return this.#links.poll(reader.number(), reader.request());
      case Told.Close: return this.#links.close(reader.number(), reader.number());
      case Told.Request: return this.#links.request(reader.number(), reader.number(), reader.request());
      case Told.Token: return void this.#fetchToken();
      case Told.Timer: {
        const delay = reader.maybe();
        return delay === undefined ? this.stop() : this.start(delay);
      }
      case Told.State: {
        const status = this.#status = reader.state();
        if (status.state === "connected") keep(this.#base, status.transport!);
        return this.#tell();
      }
      case Told.Taken: return this.#asker?.taken(reader.number());
      case Told.TakenAs: return this.#asker?.taken(reader.text());
      case Told.Refused: return this.#asker?.refused(reader.error());
      case Told.Stats: return void (this.#counters = reader.stats());
      case Told.Published: return this.#settle(reader.text(), reader, () => {
        const epoch = reader.maybeText();
        return epoch && `${epoch}-${reader.number()}`;
      });
      case Told.History: return this.#settle(reader.number(), reader, () => ({ messages: reader.run(), more: reader.number() > 0 }));
      case Told.Presence: return this.#settle(reader.number(), reader, () => reader.members());
      default: {
        const id = reader.number();
        const gone = this.#subscriptions.get(id)?.push(entry(what, reader));
        if (gone?.messages) {
          this.#conflated += gone.messages;
          this.#then.push([Input.Consumed, id, gone.messages, gone.bytes]);
        }
        if (what === Told.Failed) this.#subscriptions.delete(id);
      }
    }
  }

  #ask(asker: Asker, ...input: Parameters<Tell>): void {
    if (this.#over) return asker.refused(closed());
    this.#asker = asker;
    this.#input(...input);
  }

  #promise(...input: Parameters<Tell>): Promise<unknown> & { id?: string } {
    let id: number | string | undefined;
    const promise = new Promise<unknown>((resolve, reject) => {
      const taken = (as: number | string) => { this.#waiting.set(id = as, { resolve, reject }); };
      this.#ask({ taken, refused: reject }, ...input);
    });
    return Object.assign(promise, { id: id as string });
  }

  #settle(id: number | string, reader: Reader, read: () => unknown): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (reader.number()) waiter?.resolve(read());
    else waiter?.reject(reader.error());
  }

  /** The provider is code of the app: it is asked later. */
  async #fetchToken(): Promise<void> {
    await null;
    let token: unknown;
    try {
      token = await this.#token!();
    } catch {
      return this.#input(Input.Token, 0);
    }
    if (typeof token === "string") this.#input(Input.Token, 2, 0, 0, encode(token));
    else this.#input(Input.Token, 1);
  }

  #tell(): void {
    const [told, status] = [this.#told, this.#status];
    if (told) queueMicrotask(() => told(status));
  }

  /** The session is closed: nobody is left to wait. */
  #end(): void {
    this.#exchange(Input.Stats, 0);
    this.#over = true;
    module.destroy(this.#machine);
    this.end();
    this.#links.clear();
    for (const subscription of this.#subscriptions.values()) subscription.end();
    for (const { reject } of this.#waiting.values()) reject(closed());
  }
}

const closed = () => new EverwireError("the client is closed", "closed", false);

const bad = (option: string) => new EverwireError(`the option \`${option}\` can't be read`, "bad_option", false);

/** 128 random bits. */
const name = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");

/** The base of all URLs, without a slash at its end. What has no host is on the page's own origin. */
export function address(url: string): string {
  const base = url.replace(/\/+$/, "");
  return /^(\/|$)/.test(base) ? `${globalThis.location?.origin}${base}` : base.replace(/^ws(?=.*:\/\/)/, "http");
}

/** Transports by their numbers. */
function numbers(names: unknown): Uint8Array {
  const all = Array.from((names ?? []) as string[], name => TRANSPORTS.findIndex(transport => transport === name));
  if (all.includes(-1)) throw bad("transports");
  return new Uint8Array(all);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** An event of a subscription. */
function entry(what: number, reader: Reader): Entry {
  switch (what) {
    case Told.Messages: return reader.run();
    case Told.Subscribed: return { type: "subscribed", position: reader.position(), recovered: reader.number() > 0 };
    case Told.Gap: return given({
      type: "gap", from: reader.number(), to: reader.maybe(), reason: reader.number() ? "epoch" : "evicted", position: reader.position(),
    });
    case Told.Ephemeral: {
      const [time, from, kind] = [reader.number(), reader.maybeText(), reader.number()];
      return given({ type: "ephemeral", time, from, kind, ...kind === BYTES ? { bytes: reader.bytes()!.slice() } : { text: reader.text() } });
    }
    case Told.Members: return { type: "members", members: reader.members() };
    case Told.Join: return { type: "join", member: reader.member() };
    case Told.Leave: return { type: "leave", member: reader.member() };
    default: return { type: "failed", error: reader.error() };
  }
}
