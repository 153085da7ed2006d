/** Sends the outbox in order; what the server does not answer for good stays in it. */
import { clockHeaders, type Clocks } from "./clock.js";
import { blamed, nameOf, Refused } from "./errors.js";
import type { Outbox } from "./outbox.js";
import type { Session } from "./session.js";
import type { BatchAnswer, Command, CommandBatch } from "./wire.js";

const BATCH = 50;
/** So often one round asks again at once; after that the server is left in peace for a while. */
const ROUNDS = 40;
const TOO_LARGE = 413;
/** Something in the batch, or beside it, cannot be read. */
const UNREADABLE = 422;

/** What sending came to: `retry` means that the server asked for patience. */
export interface Pushed {
  readonly answered: number;
  readonly retry: boolean;
}

/**
 * Post commands until none waits. Raises Unreachable, SignedOut or Refused; whatever was
 * answered before is settled. Gaps that the server names are sent again, or told to be lost.
 *
 * A batch that the server cannot take is halved, down to the one command that is to blame. Only
 * when the service itself says that it is this command, it is kept as refused for its owner to
 * see, its number is told to be lost, and the queue goes on. Otherwise the queue waits.
 */
export async function push(session: Session, outbox: Outbox, clocks: Clocks): Promise<Pushed> {
  let answered = 0;
  let lost: number[] = [];
  let most = BATCH;
  for (let round = 0; round < ROUNDS; round += 1) {
    const batch: CommandBatch = { commands: await outbox.waiting(most), lost };
    const { commands } = batch;
    if (commands.length === 0 && lost.length === 0) return { answered, retry: false };
    const came = await send(session, clocks, batch);
    if (came instanceof Refused) {
      const given = guilty(came, commands);
      for (const { id } of given) await outbox.giveUp(id, came.problem);
      if (given.length === 0 && commands.length <= 1) throw came;
      if (given.length === 0) most = Math.ceil(commands.length / 2);
      continue;
    }
    most = BATCH;
    await outbox.settle(came.answers);
    const settled = came.answers.filter((each) => each.outcome !== "retry").length;
    answered += settled;
    lost = await outbox.fill(came.gaps);
    if (settled === 0 && lost.length === 0) return { answered, retry: commands.length > 0 };
  }
  return { answered, retry: true };
}

/** The commands that the service can take in no form; none when a proxy or a header is to blame. */
function guilty({ status, problem }: Refused, commands: readonly Command[]): Command[] {
  if (nameOf(problem) === undefined) return [];
  if (status === TOO_LARGE) return commands.length === 1 ? [...commands] : [];
  const named = blamed(problem).filter(([body, list]) => body === "body" && list === "commands");
  const numbers = new Set(named.map(([, , number]) => Number(number)));
  return commands.filter((_, number) => numbers.has(number));
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
    const halved = error instanceof Refused && [TOO_LARGE, UNREADABLE].includes(error.status);
    if (halved) return error;
    throw error;
  }
}
