/**
 * Reconciliation: the phone lists what it holds, the server says what of it is missing. What is
 * missing is sent again; what is confirmed may be forgotten.
 */
import { clockHeaders, type Clocks } from "./clock.js";
import type { Album } from "./album.js";
import { isWhole, merged, pages, type Held, type Told } from "./manifest.js";
import type { Outbox } from "./outbox.js";
import type { Session } from "./session.js";
import type { KeptFile, Said, Storage } from "./storage.js";
import type { Reconciliation } from "./wire.js";

/** Answered commands are kept so long: a server restored from its backup can ask for them. */
const KEPT_DAYS = 7;
const DAY_MS = 86_400_000;
/** The server's figure for bytes that came but were not those that were announced. */
const HEALABLE = "hash-differs";

/** What reconciliation came to. */
export interface Reconciled {
  /** All that this phone holds is on the server, and nothing waits. */
  readonly complete: boolean;
  readonly sentAgain: number;
  /** The answers to all pages as one. */
  readonly told: Told;
}

/**
 * Ask for everything that is here, in as many pages as it takes, and act on the answers.
 * Raises Unreachable, Refused or SignedOut.
 */
export async function reconcile(
  session: Session, storage: Storage, outbox: Outbox, album: Album, clocks: Clocks,
): Promise<Reconciled> {
  const held: Held = {
    orders: await storage.getAll("jobs"), commands: await outbox.all(), files: await album.all(),
  };
  const answers: Told[] = [];
  const cut = pages(held);
  for (const [number, page] of cut.entries()) {
    answers.push(await ask(session, clocks, page, number + 1, cut.length));
  }
  const told = merged(answers, held);
  const sentAgain = await sendAgain(outbox, album, told);
  await forget(outbox, held.commands, told, clocks.now());
  await release(album, held.files, told, new Set(held.orders.map(({ id }) => id)));
  // What was said while the answers came was not in the question.
  const waiting = (await outbox.countWaiting()) + (await album.waiting()).length;
  return { complete: isWhole(told) && waiting === 0 && sentAgain === 0, sentAgain, told };
}

/** Ask for one page; its number tells the server which answer is the last. */
async function ask(
  session: Session, clocks: Clocks, held: Held, page: number, of: number,
): Promise<Reconciliation> {
  const body = {
    orders: held.orders.map(({ id, version }) => ({ id, version })),
    commands: held.commands.map(heldCommand),
    files: held.files.map(heldFile),
    page,
    of,
  };
  const headers = clockHeaders(clocks);
  const { data } = await session.api.POST("/api/v1/mobile/reconcile", { body, headers });
  if (data === undefined) throw new Error("an answer without a body");
  return data;
}

function heldCommand({ id, device_seq }: Said) {
  return { id, device_seq };
}

function heldFile({ id, order_id, sha256, size_bytes }: KeptFile) {
  return { id, order_id, sha256, size_bytes };
}

async function sendAgain(outbox: Outbox, album: Album, told: Told): Promise<number> {
  const torn = told.files.rejected.filter((each) => each.why === HEALABLE);
  const files = [...told.files.missing, ...[...told.files.partial, ...torn].map(({ id }) => id)];
  let again = 0;
  for (const id of files) {
    if ((await album.get(id))?.state === "waiting") continue;
    if (await album.sendAgain(id)) again += 1;
  }
  return again + (await outbox.sayAgain(told.commands.missing));
}

/** Forget commands that the server named in none of its lists of trouble: it has them. */
async function forget(
  outbox: Outbox, commands: readonly Said[], told: Told, now: Date,
): Promise<void> {
  const { missing, differing } = told.commands;
  const open = new Set([...missing, ...differing.map(({ id }) => id)]);
  const here = commands.filter((said) => !open.has(said.id)).map((said) => said.id);
  await outbox.forget(new Set(here), new Date(now.getTime() - KEPT_DAYS * DAY_MS));
}

/** Give up the bytes of files that are in no list of trouble, and entries of finished jobs. */
async function release(
  album: Album, files: readonly KeptFile[], told: Told, jobs: ReadonlySet<string>,
): Promise<void> {
  const { missing, partial, rejected, differing } = told.files;
  const open = new Set([...missing, ...[...partial, ...rejected, ...differing].map((it) => it.id)]);
  for (const file of files) {
    if (open.has(file.id)) continue;
    if (file.state === "stored") await album.release(file.id);
    if (file.state === "released" && !jobs.has(file.order_id)) await album.forget(file.id);
  }
}
