// Which transport worked last, kept over page loads in the browser's local storage, one entry for each server. Believes nothing that it
// reads: other code of the page writes there too, and the wall clock jumps. Without a storage (a worker, a browser that refuses) it remembers
// nothing. What an entry is still good for is decided in the module.

import { TRANSPORTS } from "./records.js";

/** The longest entry that is looked at. */
const LONGEST = 64;

/** Scheme, host and port: what does not depend on the path. */
const key = (base: string) => `everwire:${base.split("/").slice(0, 3).join("/")}`;

/** What worked, a transport's number, and how long ago. NaN for both when nothing is known. */
export function recall(base: string): [transport: number, age: number] {
  try {
    const entry = localStorage.getItem(key(base)) ?? "";
    const [, name, time] = (entry.length <= LONGEST && /^([a-z]+) (\d+)$/.exec(entry)) || [];
    const [transport, age] = [TRANSPORTS.findIndex(transport => transport === name), Date.now() - Number(time)];
    // From the future: one of the two moments is wrong.
    if (transport >= 0 && age >= 0) return [transport, age];
  } catch {
    // Where it is forbidden, the mere look throws.
  }
  return [NaN, NaN];
}

/** A transport works. */
export function keep(base: string, transport: string): void {
  try {
    localStorage.setItem(key(base), `${transport} ${Date.now()}`);
  } catch {
    // A storage that is full costs a slower start next time, and nothing else.
  }
}
