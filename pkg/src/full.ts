// `everwire/full`: the client with all that is optional.

import { Client as Base } from "./client.js";
import type { ClientOptions, FullClientOptions } from "./types.js";

export * from "./client-entry.js";
export type { FullClientOptions } from "./types.js";

/** A client that can share its connection with other tabs, keep publishes over reloads, and tell what it does. */
export class Client extends Base {
  constructor(url?: string | URL, options?: FullClientOptions) {
    super(url, options as ClientOptions);
  }
}
