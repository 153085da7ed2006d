/**
 * The manifest of all that a phone holds: cut into pages that the service takes, and its answers
 * put together again.
 */
import type { KeptFile, Said } from "./storage.js";
import type { Gap, Job, Reconciliation } from "./wire.js";

/** The longest lists that one question may have. */
const MOST_ORDERS = 500;
const MOST_COMMANDS = 2000;
const MOST_FILES = 1000;

/** What the server makes of a page, or of all of them. */
export type Told = Pick<Reconciliation, "orders" | "commands" | "files">;

/** All that this phone holds, or one page of it. */
export interface Held {
  readonly orders: readonly Job[];
  readonly commands: readonly Said[];
  readonly files: readonly KeptFile[];
}

/** As few as can be; one also when nothing is held. */
export function pages({ orders, commands, files }: Held): Held[] {
  const count = Math.max(
    1,
    Math.ceil(orders.length / MOST_ORDERS),
    Math.ceil(commands.length / MOST_COMMANDS),
    Math.ceil(files.length / MOST_FILES),
  );
  const slice = <T>(all: readonly T[], page: number, most: number) =>
    all.slice(page * most, (page + 1) * most);
  return Array.from({ length: count }, (_, page) => ({
    orders: slice(orders, page, MOST_ORDERS),
    commands: slice(commands, page, MOST_COMMANDS),
    files: slice(files, page, MOST_FILES),
  }));
}

/** One answer of several: what a page was not asked about is not missing on the phone. */
export function merged(answers: readonly Told[], held: Held): Told {
  const [orders, commands, files] = [
    answers.map((each) => each.orders),
    answers.map((each) => each.commands),
    answers.map((each) => each.files),
  ];
  const jobs = new Set(held.orders.map(({ id }) => id));
  const numbers = new Set(held.commands.map(({ device_seq }) => device_seq));
  const here = new Set(held.files.map(({ id }) => id));
  const applied = sum(commands, (it) => it.applied);
  const known = applied + sum(commands, (it) => it.refused.length + it.conflicts.length);
  const standing = commands.at(-1)!;
  const unlisted = new Map(
    files.flatMap((it) => it.unlisted).filter(({ id }) => !here.has(id)).map((it) => [it.id, it]),
  );
  return {
    orders: {
      same: sum(orders, (it) => it.same),
      missing: [...new Set(orders.flatMap((it) => it.missing))].filter((id) => !jobs.has(id)),
      gone: orders.flatMap((it) => it.gone),
      differing: orders.flatMap((it) => it.differing),
    },
    commands: {
      ...standing,
      applied,
      refused: commands.flatMap((it) => it.refused),
      conflicts: commands.flatMap((it) => it.conflicts),
      missing: commands.flatMap((it) => it.missing),
      differing: commands.flatMap((it) => it.differing),
      unlisted: Math.max(0, standing.unlisted + ownPart(standing) - known),
      gaps: commands.flatMap((it) => it.gaps).filter((gap) => !isHeld(gap, numbers)),
    },
    files: {
      verified: sum(files, (it) => it.verified),
      missing: files.flatMap((it) => it.missing),
      partial: files.flatMap((it) => it.partial),
      rejected: files.flatMap((it) => it.rejected),
      differing: files.flatMap((it) => it.differing),
      unlisted: [...unlisted.values()],
    },
  };
}

function sum<T>(all: readonly T[], figure: (each: T) => number): number {
  return all.reduce((total, each) => total + figure(each), 0);
}

/** Commands of its own page that the server knows. */
function ownPart({ applied, refused, conflicts }: Told["commands"]): number {
  return applied + refused.length + conflicts.length;
}

/** Numbers that another page asked about. */
function isHeld({ first, last }: Gap, numbers: ReadonlySet<number>): boolean {
  for (let seq = first; seq <= last; seq += 1) if (!numbers.has(seq)) return false;
  return true;
}

/** The server says so of one page; of several it is so when no list of trouble has an entry. */
export function isWhole({ orders, commands, files }: Told): boolean {
  const trouble: readonly (readonly unknown[])[] = [
    orders.missing, orders.gone, orders.differing,
    commands.missing, commands.differing, commands.gaps,
    files.missing, files.partial, files.rejected, files.differing, files.unlisted,
  ];
  return trouble.every((list) => list.length === 0);
}
