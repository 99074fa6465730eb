/** Arrivals that the rate is taken over. */
const WINDOW = 20
/** More examples than this at once are a snapshot, not work. */
const SNAPSHOT = 50

/** How long an example takes, from when the examples came: points have no times. A pause or a snapshot begins anew. */
export class Rate {
  #arrivals: { count: number; now: number }[] = []

  /** @param count examples that a run has @param now [ms] @param going whether examples are expected one after another */
  note(count: number, now: number, going: boolean): void {
    const last = this.#arrivals.at(-1)
    if (!going) this.#arrivals = []
    else if (!last || count < last.count || count > last.count + SNAPSHOT) this.#arrivals = [{ count, now }]
    else if (count > last.count) this.#arrivals = [...this.#arrivals.slice(-WINDOW), { count, now }]
  }

  /** Time of one example [ms]; null before it can be told. */
  get each(): number | null {
    const [first, last] = [this.#arrivals[0], this.#arrivals.at(-1)]
    return this.#arrivals.length < 3 ? null : (last!.now - first!.now) / (last!.count - first!.count)
  }
}
