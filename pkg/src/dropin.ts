// What both drop-ins have of the platform's classes: constants, event handlers, URLs that are looked at at once. Knows neither of them.

/** Constants as the platform has them: on the class and on its objects, and unchangeable. @internal */
export function constants(type: { prototype: object }, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    for (const owner of [type, type.prototype]) Object.defineProperty(owner, name, { value, enumerable: true });
  }
}

const CURRENT = Symbol();

/** `onopen` and its like, as the platform has them: a listener, in the place where the first one was set. @internal */
export function handlers(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const current = Symbol(name);
    type Owner = EventTarget & { [current]?: { handler: (event: Event) => unknown; [CURRENT](event: Event): void } | undefined };
    Object.defineProperty(prototype, `on${name}`, {
      enumerable: true,
      configurable: true,
      get(this: Owner) {
        return this[current]?.handler ?? null;
      },
      set(this: Owner, handler: unknown) {
        const slot = this[current];
        if (typeof handler !== "function") {
          if (slot) this.removeEventListener(name, slot[CURRENT]);
          this[current] = undefined;
        } else if (slot) {
          slot.handler = handler as (event: Event) => unknown;
        } else {
          const added = { handler: handler as (event: Event) => unknown, [CURRENT]: (event: Event) => { added.handler.call(this, event); } };
          this[current] = added;
          this.addEventListener(name, added[CURRENT]);
        }
      },
    });
  }
}

/** An absolute URL, or what the platform throws. @internal */
export function absolute(url: string | URL): URL {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw new DOMException(`'${url}' is not a valid URL.`, "SyntaxError");
  }
}

/** What a function of the app says. What it throws is seen, and means no. @internal */
export function guarded(ask: () => unknown): boolean {
  try {
    return Boolean(ask());
  } catch (error) {
    queueMicrotask(() => { throw error; });
    return false;
  }
}

/** As the platform's classes do where what they can't do without is not given. */
export function required({ length }: IArguments): void {
  if (!length) throw new TypeError("1 argument required, but only 0 present.");
}
