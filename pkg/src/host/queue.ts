// What waits for one subscription's app. Bounded: messages by the session's flow control, which learns what has been taken; the rest by the
// rules below. Knows neither the module nor the app.

import { messages, type RawEvent } from "../delivery.js";
import type { Member } from "../types.js";
import type { Waiting } from "./records.js";

/** An event that waits: no run is without what is counted of it. */
export type Entry = Waiting | Exclude<RawEvent<never>, { type: "messages" }>;

/** So many messages, and so many bytes of payload. */
export interface Taken { messages: number; bytes: number }

/** Most ephemeral messages that wait; a newer one then takes the oldest one's place. They are about now, and an app that is this far behind has no use for them. */
const EPHEMERALS = 256;
/** From this many waiting entries on, who came and went in the meantime is no longer told of. */
const PRESENCE_DETAIL = 64;

const member = (entry: Entry): Member | undefined => (entry as { member?: Member }).member;

/** The entries in order. */
export class Queue {
  #entries: Entry[] = [];
  #ephemerals = 0;
  /** Who is there as far as the app knows: by what it took, not by what waits. */
  #seen = new Set<string>();
  /** How many messages gave way to newer ones of their key. */
  conflated = 0;

  /** `conflates`: of the messages that wait, only the newest of each key is of interest. */
  constructor(private readonly conflates: boolean) {}

  /** Whether nothing waits. */
  get empty(): boolean { return !this.#entries.length; }

  /** Puts an event at the end. Returns what gave way to it, to count as taken. */
  push(entry: Entry): Taken | undefined {
    let gone: Taken | undefined;
    switch (entry.type) {
      case "messages":
        if (this.conflates) gone = this.#makeWay(entry);
        break;
      case "ephemeral":
        if (this.#ephemerals < EPHEMERALS) this.#ephemerals++;
        else this.#remove(this.#entries.find(({ type }) => type === "ephemeral"));
        break;
      case "join":
      case "leave":
        if (this.#entries.length >= PRESENCE_DETAIL && !this.#last(entry)) return;
        break;
      case "members":
        this.#keep(({ type }) => type !== "members" && type !== "join" && type !== "leave");
        break;
      case "subscribed": {
        // A link that comes and goes while the app takes nothing: what was said of it since the last that was lost or received is of no use any
        // more. Its members go when their successors come.
        const last = this.#entries.filter(({ type }) => type === "messages" || type === "gap" || type === "subscribed").at(-1);
        if (last?.type === "subscribed") this.#remove(last);
      }
    }
    this.#entries.push(entry);
    return gone;
  }

  /** Takes the next event. */
  shift(): Entry | undefined {
    const entry = this.#entries.shift();
    switch (entry?.type) {
      case "ephemeral": this.#ephemerals--; break;
      case "members": this.#seen = new Set(entry.members.map(({ id }) => id)); break;
      case "join": this.#seen.add(entry.member.id); break;
      case "leave": this.#seen.delete(entry.member.id); break;
    }
    return entry;
  }

  /** Takes out the messages that wait: nobody has a use for them any more. */
  dropMessages(): void { this.#keep(({ type }) => type !== "messages"); }

  #keep(keep: (entry: Entry) => boolean): void { this.#entries = this.#entries.filter(keep); }

  #remove(entry: Entry | undefined): void { this.#keep(other => other !== entry); }

  /**
   * Of each member only the last is told, and nothing of who came and went unseen; so what waits is bounded by how many can be there. Returns
   * whether this is to be told.
   */
  #last(entry: Entry): boolean {
    const { id } = member(entry)!;
    let known = this.#seen.has(id);
    this.#keep(other => {
      if (other.type === "members") known = other.members.some(member => member.id === id);
      return member(other)?.id !== id;
    });
    return known || entry.type === "join";
  }

  /** Takes out what the newest messages replace: of themselves, and of what waits. */
  #makeWay(run: Waiting): Taken {
    const gone = { messages: 0, bytes: 0 }, newest = new Set<string>();
    for (const waiting of [run, ...this.#entries]) {
      if (waiting.type !== "messages") continue;
      const { count, size } = waiting;
      const keys = waiting.keys ??= messages(waiting).map(({ key }) => key);
      for (let index = count - 1; index >= 0; index--) {
        const key = keys[index];
        if (!key || waiting.out?.has(index)) continue;
        if (!newest.has(key)) {
          if (waiting === run) newest.add(key);
          continue;
        }
        // Each counts for its part of the bytes: their sum is what matters.
        const bytes = Math.floor(size * (index + 1) / count) - Math.floor(size * index / count);
        (waiting.out ??= new Set()).add(index);
        waiting.left--;
        waiting.rest -= bytes;
        gone.messages++;
        gone.bytes += bytes;
      }
    }
    this.#keep(entry => entry.type !== "messages" || entry.out?.size !== entry.count);
    this.conflated += gone.messages;
    return gone;
  }
}
