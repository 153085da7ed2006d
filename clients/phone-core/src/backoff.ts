/** How long to wait before the next try: exponential, with full jitter, never beyond `capMs`. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly capMs: number;
  readonly random: () => number;
}

const USUAL: BackoffOptions = { firstMs: 500, capMs: 60_000, random: Math.random };

/** Counts failures in a row; phones that lost the same mast must not come back in step. */
export class Backoff {
  private failures = 0;
  private readonly options: BackoffOptions;

  constructor(options: Partial<BackoffOptions> = {}) {
    this.options = { ...USUAL, ...options };
  }

  /** Note a failure; the milliseconds to wait, at least what the server asked for. */
  failed(askedMs = 0): number {
    const { firstMs, capMs, random } = this.options;
    const widest = Math.min(capMs, firstMs * 2 ** Math.min(this.failures, 20));
    this.failures += 1;
    return Math.max(askedMs, Math.round(random() * widest));
  }

  succeeded(): void {
    this.failures = 0;
  }
}

/** Wait `ms`, or until `signal` or `woken` ends the waiting; never rejects. */
export function pause(ms: number, signal?: AbortSignal, woken?: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done, { once: true });
    void woken?.then(done);
  });
}
