/**
 * The phone's clock against the server's. Commands carry the phone's own time; the server
 * corrects it by the skew that it measures. The samples here are for showing the right time to
 * the owner, and for telling them that the clock is off.
 */
export interface ClockSample {
  /** Phone's clock when the answer came, in milliseconds of the epoch. */
  readonly at_ms: number;
  /** Phone minus server, in milliseconds, half the round trip taken off. */
  readonly skew_ms: number;
  readonly round_trip_ms: number;
}

const KEPT_SAMPLES = 8;
const JUMPED_MS = 60_000;

/** A sample from one answer: when it was asked and answered here, and the server's own time. */
export function sample(askedMs: number, answeredMs: number, serverTime: string): ClockSample {
  const round_trip_ms = Math.max(0, answeredMs - askedMs);
  const middle = askedMs + round_trip_ms / 2;
  return { at_ms: answeredMs, skew_ms: Math.round(middle - Date.parse(serverTime)), round_trip_ms };
}

/** The samples with a new one; older ones are forgotten when the clock was set meanwhile. */
export function withSample(samples: readonly ClockSample[], next: ClockSample): ClockSample[] {
  const last = samples.at(-1);
  const jumped = last !== undefined && Math.abs(last.skew_ms - next.skew_ms) > JUMPED_MS;
  return [...(jumped ? [] : samples), next].slice(-KEPT_SAMPLES);
}

/** Best guess of the skew: that of the quickest round trip; undefined before any answer. */
export function skewMs(samples: readonly ClockSample[]): number | undefined {
  let best: ClockSample | undefined;
  for (const each of samples) {
    if (best === undefined || each.round_trip_ms <= best.round_trip_ms) best = each;
  }
  return best?.skew_ms;
}
