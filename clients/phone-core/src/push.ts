/** Sends the outbox in order; what the server does not answer for good stays in it. */
import type { Outbox } from "./outbox.js";
import type { Session } from "./session.js";

const BATCH = 50;

/** What sending came to: `retry` means that the server asked for patience. */
export interface Pushed {
  readonly answered: number;
  readonly retry: boolean;
}

/**
 * Post commands until none waits. Raises Unreachable, SignedOut or Refused; whatever was
 * answered before is settled. Gaps that the server names are healed by sending them again.
 */
export async function push(session: Session, outbox: Outbox, now: () => Date): Promise<Pushed> {
  let answered = 0;
  let filled = false;
  for (;;) {
    const commands = await outbox.waiting(BATCH);
    if (commands.length === 0) return { answered, retry: false };
    const { data } = await session.api.POST("/api/v1/mobile/commands", {
      body: { commands },
      headers: { "Device-Time": now().toISOString() },
    });
    if (data === undefined) return { answered, retry: true };
    await outbox.settle(data.answers);
    answered += data.answers.filter((each) => each.outcome !== "retry").length;
    if (!filled) await fillGaps(outbox, data.gaps);
    filled = true;
    if (data.answers.some((each) => each.outcome === "retry")) return { answered, retry: true };
  }
}

/** The server misses numbers that we believed answered (a restored backup): say them again. */
async function fillGaps(
  outbox: Outbox, gaps: readonly { first: number; last: number }[],
): Promise<void> {
  if (gaps.length === 0) return;
  const missing = (await outbox.all()).filter((said) =>
    gaps.some((gap) => said.device_seq >= gap.first && said.device_seq <= gap.last),
  );
  await outbox.sayAgain(missing.map((said) => said.id));
}
