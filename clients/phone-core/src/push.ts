/** Sends the outbox in order; what the server does not answer for good stays in it. */
import { clockHeaders, type Clocks } from "./clock.js";
import { Refused } from "./errors.js";
import type { Outbox } from "./outbox.js";
import type { Session } from "./session.js";
import type { BatchAnswer, CommandBatch } from "./wire.js";

const BATCH = 50;
/** So often one round asks again at once; after that the server is left in peace for a while. */
const ROUNDS = 40;
/** The batch is too large, or something in it cannot be read. */
const INDIGESTIBLE = new Set([413, 422]);

/** What sending came to: `retry` means that the server asked for patience. */
export interface Pushed {
  readonly answered: number;
  readonly retry: boolean;
}

/**
 * Post commands until none waits. Raises Unreachable, SignedOut or Refused; whatever was
 * answered before is settled. Gaps that the server names are sent again, or told to be lost.
 *
 * A batch that the server cannot take is halved down to the one command that is to blame: it is
 * kept as refused for its owner to see, its number is told to be lost, and the queue goes on.
 */
export async function push(session: Session, outbox: Outbox, clocks: Clocks): Promise<Pushed> {
  let answered = 0;
  let lost: number[] = [];
  let most = BATCH;
  for (let round = 0; round < ROUNDS; round += 1) {
    const batch: CommandBatch = { commands: await outbox.waiting(most), lost };
    const [first] = batch.commands;
    if (first === undefined && lost.length === 0) return { answered, retry: false };
    const came = await send(session, clocks, batch);
    if (came instanceof Refused) {
      if (first === undefined) throw came;
      if (batch.commands.length === 1) await outbox.giveUp(first.id, came.problem);
      most = Math.ceil(batch.commands.length / 2);
      continue;
    }
    most = BATCH;
    await outbox.settle(came.answers);
    const settled = came.answers.filter((each) => each.outcome !== "retry").length;
    answered += settled;
    lost = await outbox.fill(came.gaps);
    if (settled === 0 && lost.length === 0) return { answered, retry: first !== undefined };
  }
  return { answered, retry: true };
}

/** The answers, or the refusal of the batch as a whole. */
async function send(
  session: Session, clocks: Clocks, body: CommandBatch,
): Promise<BatchAnswer | Refused> {
  try {
    const headers = clockHeaders(clocks);
    const { data } = await session.api.POST("/api/v1/mobile/commands", { body, headers });
    return data!;
  } catch (error) {
    if (error instanceof Refused && INDIGESTIBLE.has(error.status)) return error;
    throw error;
  }
}
