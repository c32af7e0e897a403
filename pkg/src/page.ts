/// <reference lib="dom" preserve="true" />
// What every machine needs of the page: its life, one timer, an end. Knows none of them.

/** What every machine is told. */
interface Machine {
  changed(what: number): void;
  fired(): void;
  free(): void;
}

const OFFLINE = 0, ONLINE = 1, AWAKE = 2, ASIDE = 3;

/** A machine with the page around it, until it ends. @internal */
export abstract class Host {
  protected machine: Machine | undefined;
  #page = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to tell the machine of the page. */
  protected live(machine: Machine): void {
    this.machine = machine;
    const listen = (target: EventTarget | undefined, ...names: string[]) => {
      // Node's global object hears of nothing.
      for (const name of names) target?.addEventListener?.(name, event => this.#hear(event), { signal: this.#page.signal });
    };
    listen(globalThis as unknown as EventTarget, "online", "offline", "pagehide", "pageshow");
    listen(globalThis.document, "visibilitychange", "freeze", "resume");
    if (globalThis.navigator?.onLine === false) machine.changed(OFFLINE);
  }

  /** Whether there is a page, and nobody sees it. */
  hidden(): boolean { return globalThis.document?.hidden ?? false; }

  /** (Re)starts the one timer. */
  protected start(delay: number): void {
    this.stop();
    this.#timer = setTimeout(() => this.machine?.fired(), delay);
  }

  protected stop(): void { clearTimeout(this.#timer); }

  /** Lets go of everything. The machine is in the middle of telling, so it goes a little later. */
  protected end(): void {
    const machine = this.machine;
    this.machine = undefined;
    this.stop();
    this.#page.abort();
    if (machine) queueMicrotask(() => machine.free());
  }

  #hear({ type, persisted }: Event & { persisted?: boolean }): void {
    const what = type === "online" ? ONLINE
      : type === "offline" ? OFFLINE
      : type === "pagehide" || type === "freeze" ? ASIDE
      // Shown for the first time, the page has not slept.
      : type === "resume" || (type === "pageshow" ? persisted : !this.hidden()) ? AWAKE
      : undefined;
    if (what !== undefined) this.machine?.changed(what);
  }
}
