// Writes down what a subscription got, and judges it: the page's own check of invariants 1 (no silent hole),
// 2 (no duplicates) and 3 (order). It must not know how the events came.
//
// Messages hold { run, n }: `n` counts 1, 2, 3 … within a run, whatever offsets the server gives them.

export class Recorder {
  #runs = new Map();
  #gaps = [];
  #failures = [];
  #violation = null;
  #received = 0;
  #repeats = 0;
  #last = null;
  #resumed = 0;
  #start = null;
  #ranges = [];
  #arrivals = [];

  /** The server has taken the subscription (again), from this position on. */
  subscribed({ epoch, offset, recovered }) {
    if (recovered) {
      this.#resumed += 1;
      if (this.#last && (this.#last.epoch !== epoch || this.#last.offset !== offset)) {
        this.#violate(`resumed at ${epoch}-${offset} after ${this.#last.epoch}-${this.#last.offset}`);
      }
    }
    this.#start ??= { epoch, offset };
    this.#last ??= { epoch, offset };
  }

  /** `at`: when it was given to the app, as all times here in milliseconds since the Unix epoch. */
  message({ epoch, offset, data, at }) {
    this.#received += 1;
    this.#arrivals.push({ epoch, offset, at });
    const last = this.#last;
    if (last && (last.epoch !== epoch || last.offset + 1 !== offset)) {
      this.#violate(`${epoch}-${offset} after ${last.epoch}-${last.offset}`);
    }
    this.#last = { epoch, offset };
    const range = this.#ranges.at(-1);
    if (range?.epoch === epoch && range.last + 1 === offset) range.last = offset;
    else this.#ranges.push({ epoch, first: offset, last: offset });

    const { run, n } = data;
    const seen = this.#runs.get(run) ?? { first: n, last: n - 1, numbers: new Set() };
    this.#runs.set(run, seen);
    if (seen.numbers.has(n)) {
      this.#repeats += 1;
      this.#violate(`${run} ${n} came again`);
    } else if (n !== seen.last + 1) {
      this.#violate(`${run} ${n} after ${seen.last}`);
    }
    seen.numbers.add(n);
    seen.last = n;
  }

  gap({ from, to, reason, epoch, offset }) {
    const last = this.#last;
    if (last && from !== last.offset + 1) {
      this.#violate(`a gap from ${from} after ${last.epoch}-${last.offset}`);
    }
    this.#gaps.push({ from, to: to ?? null, reason, epoch: last?.epoch ?? null });
    this.#last = { epoch, offset };
  }

  failed(error) {
    this.#failures.push(String(error));
  }

  #violate(what) {
    this.#violation ??= what;
  }

  /** When that message came, or the first one after it. */
  arrival({ epoch, offset }) {
    return this.#arrivals.find(message => message.epoch === epoch && message.offset >= offset)?.at ?? null;
  }

  /** Small enough to be asked for often. */
  digest() {
    const runs = Object.fromEntries([...this.#runs].map(([run, { first, last, numbers }]) =>
      [run, { first, last, count: numbers.size }]));
    return {
      received: this.#received,
      repeats: this.#repeats,
      resumed: this.#resumed,
      violation: this.#violation,
      gaps: this.#gaps,
      failures: this.#failures,
      epoch: this.#last?.epoch ?? null,
      offset: this.#last?.offset ?? null,
      start: this.#start,
      ranges: this.#ranges,
      runs,
    };
  }
}
