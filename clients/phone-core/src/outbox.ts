/**
 * Commands in the order in which they were said. A command is written with its sequence number
 * before anything else happens, and leaves the queue only by its answer.
 */
import { withOffset, type Clocks } from "./clock.js";
import { STRICT, type Said, type Storage } from "./storage.js";
import type { Command, CommandAnswer, Gap, Problem, Saying } from "./wire.js";

/** Smallest and largest possible sequence number: the range of waiting commands. */
const WAITING = () => IDBKeyRange.bound(["waiting", 0], ["waiting", Infinity]);

/** So many lost numbers are told at once. */
const MOST_LOST = 100;

export class Outbox {
  constructor(private readonly storage: Storage, private readonly clocks: Clocks) {}

  /** Keep a command; resolves when it is on the disk, with its id and sequence number. */
  async say(saying: Saying, id: string = crypto.randomUUID()): Promise<Command> {
    const client_at = withOffset(this.clocks.now());
    const steady = this.clocks.steady?.();
    const writing = this.storage.transaction(["keep", "commands"], "readwrite", STRICT);
    const device_seq = ((await writing.objectStore("keep").get("next_seq")) as number) ?? 1;
    const command: Command = { ...saying, id, device_seq, client_at, ...(steady && { steady }) };
    await Promise.all([
      writing.objectStore("keep").put(device_seq + 1, "next_seq"),
      writing.objectStore("commands").add({ device_seq, id, command, state: "waiting" }),
      writing.done,
    ]);
    return command;
  }

  /** The oldest commands without an answer. */
  async waiting(atMost: number): Promise<Command[]> {
    const said = await this.storage.getAllFromIndex("commands", "by_state", WAITING(), atMost);
    return said.map((each) => each.command);
  }

  countWaiting(): Promise<number> {
    return this.storage.countFromIndex("commands", "by_state", WAITING());
  }

  /** Keep answers beside their commands, and the standing of the orders that they tell. */
  async settle(answers: readonly CommandAnswer[]): Promise<void> {
    const writing = this.storage.transaction(["commands", "jobs"], "readwrite", STRICT);
    const commands = writing.objectStore("commands");
    const jobs = writing.objectStore("jobs");
    for (const answer of answers) {
      const said = await commands.index("by_id").get(answer.id);
      if (said === undefined || answer.outcome === "retry") continue;
      await commands.put({ ...said, state: "answered", answer });
      const job = answer.order ? await jobs.get(answer.order.id) : undefined;
      if (job !== undefined && answer.order && answer.order.version >= job.version) {
        await jobs.put({ ...job, state: answer.order.state, version: answer.order.version });
      }
    }
    await writing.done;
  }

  /**
   * The server cannot take this command in any form: it is kept as refused until its owner has
   * seen it, and never sent again.
   */
  async giveUp(id: string, problem: Problem): Promise<void> {
    const writing = this.storage.transaction("commands", "readwrite", STRICT);
    const said = await writing.store.index("by_id").get(id);
    if (said !== undefined) await writing.store.put({ ...said, state: "given up", problem });
    await writing.done;
  }

  /** Put answered commands back into the queue: the server says that it does not have them. */
  async sayAgain(ids: readonly string[]): Promise<number> {
    const writing = this.storage.transaction("commands", "readwrite", STRICT);
    let again = 0;
    for (const id of ids) {
      const said = await writing.store.index("by_id").get(id);
      if (said?.state !== "answered") continue;
      const { answer: _forgotten, ...bare } = said;
      await writing.store.put({ ...bare, state: "waiting" });
      again += 1;
    }
    await writing.done;
    return again;
  }

  /**
   * What the server misses: commands that we believed answered wait again; numbers under which
   * nothing is kept that could be sent are returned.
   */
  async fill(gaps: readonly Gap[]): Promise<number[]> {
    const lost: number[] = [];
    const again: string[] = [];
    for (const { first, last } of gaps) {
      const held = await this.storage.getAll("commands", IDBKeyRange.bound(first, last));
      const sendable = held.filter((said) => said.state !== "given up");
      const numbers = new Set(sendable.map((said) => said.device_seq));
      again.push(...held.filter((said) => said.state === "answered").map((said) => said.id));
      for (let seq = first; seq <= last && lost.length < MOST_LOST; seq += 1) {
        if (!numbers.has(seq)) lost.push(seq);
      }
    }
    await this.sayAgain(again);
    return lost;
  }

  /** Commands that did not have the effect their owner meant, until they were seen. */
  async unseen(): Promise<Said[]> {
    const all = await this.storage.getAll("commands");
    const failed = ({ state, answer }: Said) =>
      state === "given up" || (answer !== undefined && answer.outcome !== "applied");
    return all.filter((each) => failed(each) && !each.seen);
  }

  /** The owner has read what became of this command. */
  async markSeen(id: string): Promise<void> {
    const writing = this.storage.transaction("commands", "readwrite", STRICT);
    const said = await writing.store.index("by_id").get(id);
    if (said !== undefined) await writing.store.put({ ...said, seen: true });
    await writing.done;
  }

  async all(): Promise<Said[]> {
    return this.storage.getAll("commands");
  }

  /**
   * Forget commands said before `before` that the server has confirmed to hold; until then they
   * can be sent again to a restored server. Refusals and conflicts stay until they are seen.
   */
  async forget(confirmed: ReadonlySet<string>, before: Date): Promise<void> {
    const writing = this.storage.transaction("commands", "readwrite", STRICT);
    for (let at = await writing.store.openCursor(); at !== null; at = await at.continue()) {
      const { id, command, answer, seen } = at.value;
      const done = answer?.outcome === "applied" || (answer !== undefined && seen === true);
      const old = Date.parse(command.client_at) < before.getTime();
      if (done && old && confirmed.has(id)) await writing.store.delete(at.primaryKey);
    }
    await writing.done;
  }
}
