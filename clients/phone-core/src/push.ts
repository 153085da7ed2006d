/** Sends the outbox in order; what the server does not answer for good stays in it. */
import { clockHeaders, type Clocks } from "./clock.js";
import type { Outbox } from "./outbox.js";
import type { Session } from "./session.js";
import type { CommandBatch } from "./wire.js";

const BATCH = 50;
/** So often one round asks again at once; after that the server is left in peace for a while. */
const ROUNDS = 40;

/** What sending came to: `retry` means that the server asked for patience. */
export interface Pushed {
  readonly answered: number;
  readonly retry: boolean;
}

/**
 * Post commands until none waits. Raises Unreachable, SignedOut or Refused; whatever was
 * answered before is settled. Gaps that the server names are sent again, or told to be lost.
 */
export async function push(session: Session, outbox: Outbox, clocks: Clocks): Promise<Pushed> {
  let answered = 0;
  let lost: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const batch: CommandBatch = { commands: await outbox.waiting(BATCH), lost };
    if (batch.commands.length + lost.length === 0) return { answered, retry: false };
    const { data } = await session.api.POST("/api/v1/mobile/commands", {
      body: batch,
      headers: clockHeaders(clocks),
    });
    if (data === undefined) return { answered, retry: true };
    await outbox.settle(data.answers);
    const settled = data.answers.filter((each) => each.outcome !== "retry").length;
    answered += settled;
    lost = await outbox.fill(data.gaps);
    if (settled === 0 && lost.length === 0) return { answered, retry: true };
  }
  return { answered, retry: true };
}
