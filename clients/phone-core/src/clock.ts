/**
 * The phone's clocks. The core never corrects them: it says what they show, and the server works
 * out the time of an act. The samples are for telling the owner that the clock is off.
 */
import type { Steady } from "./wire.js";

/** What the phone reads its time from. */
export interface Clocks {
  /** The wall clock, which its owner can set. */
  readonly now: () => Date;
  /**
   * The steady clock of the system, one that goes on while the phone sleeps (Android
   * `elapsedRealtime`, iOS `mach_continuous_time`). Without such a clock leave it out:
   * `performance.now()` of a web view stands still in sleep and would tell wrong times.
   */
  readonly steady?: () => Steady;
}

/** What the server's time was seen to be. */
export interface ClockSample {
  /** Phone minus server, in milliseconds, half the round trip taken off. */
  readonly skew_ms: number;
  readonly round_trip_ms: number;
}

const KEPT_SAMPLES = 8;
const JUMPED_MS = 60_000;

/** Headers that tell the server what the clocks show now. */
export function clockHeaders(clocks: Clocks): Record<string, string> {
  const steady = clocks.steady?.();
  return {
    "Device-Time": withOffset(clocks.now()),
    ...(steady && { "Device-Uptime": `${steady.boot_id};${steady.uptime_ms}` }),
  };
}

/** ISO 8601 with the phone's own offset: a zone that was changed must be seen. */
export function withOffset(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${local}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** A sample from one answer: when it was asked and answered here, and the server's own time. */
export function sample(askedMs: number, answeredMs: number, serverTime: string): ClockSample {
  const round_trip_ms = Math.max(0, answeredMs - askedMs);
  const middle = askedMs + round_trip_ms / 2;
  return { skew_ms: Math.round(middle - Date.parse(serverTime)), round_trip_ms };
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
