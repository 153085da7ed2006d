/**
 * Pull: the whole working set once, then what changed. The cursor is kept in the same
 * transaction as the data that came with it, so a kill in between loses neither.
 */
import { clockHeaders, sample, withSample, type Clocks, type ClockSample } from "./clock.js";
import type { Session } from "./session.js";
import { kept, STRICT, type Storage } from "./storage.js";
import type { Job, Working } from "./wire.js";

/** What one pull came to; `again` when there is more, or something is about to be readable. */
export interface Pulled {
  readonly changed: boolean;
  /** The whole working set came: this phone is new, or the server is not what it was. */
  readonly full: boolean;
  readonly again: "no" | "at once" | "soon";
  /** Files that jobs which came are still waiting for. */
  readonly missingFiles: readonly string[];
}

/** Parts that are sent only when they differ from what the phone has. */
const PARTS = ["crews", "shifts", "notices", "catalogue", "rules"] as const;

/** The service reads 2000 characters of them at once. */
const PUSHES_AT_ONCE = 50;
const MOST_PUSHES = 500;
const PUSH_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** One pull, applied. Raises Unreachable, Refused or SignedOut. */
export async function pull(session: Session, storage: Storage, clocks: Clocks): Promise<Pulled> {
  const cursor = await kept(storage, "cursor");
  const etag = await kept(storage, "etag");
  const pushes = ((await kept(storage, "pushes")) ?? []).slice(0, PUSHES_AT_ONCE);
  const askedMs = clocks.now().getTime();
  const { data, response } = await session.api.GET("/api/v1/mobile/sync", {
    params: { query: cursor === undefined ? {} : { cursor } },
    headers: {
      ...clockHeaders(clocks),
      ...(etag !== undefined && { "If-None-Match": etag }),
      ...(pushes.length > 0 && { "Pushes-Arrived": pushes.join(",") }),
    },
  });
  if (pushes.length > 0) await changePushes(storage, (all) => all.filter((id) => !pushes.includes(id)));
  const serverTime = response.headers.get("server-time") ?? data?.server_time;
  if (serverTime) await note(storage, sample(askedMs, clocks.now().getTime(), serverTime));
  if (data === undefined) return { changed: false, full: false, again: "no", missingFiles: [] };
  await apply(storage, data, response.headers.get("etag"));
  const again = data.more ? "at once" : data.settling ? "soon" : "no";
  const missingFiles = data.jobs.flatMap((job) => job.evidence.missing_files);
  return { changed: isNews(data), full: data.mode === "full", again, missingFiles };
}

/** Keep that a push came, until a pull has told it; what is no id the service would not read. */
export async function notePush(storage: Storage, id: string): Promise<void> {
  if (!PUSH_ID.test(id)) return;
  await changePushes(storage, (all) => [...new Set([...all, id])].slice(-MOST_PUSHES));
}

async function changePushes(
  storage: Storage, how: (all: readonly string[]) => string[],
): Promise<void> {
  const writing = storage.transaction("keep", "readwrite", STRICT);
  const all = ((await writing.store.get("pushes")) as string[] | undefined) ?? [];
  await Promise.all([writing.store.put(how(all), "pushes"), writing.done]);
}

function isNews(told: Working): boolean {
  const parts = PARTS.some((part) => told[part] != null);
  return told.mode === "full" || parts || told.jobs.length + told.gone.length > 0;
}

/** Take the answer over: jobs, tombstones, parts and cursor, all or nothing. */
async function apply(storage: Storage, told: Working, etag: string | null): Promise<void> {
  const writing = storage.transaction(["keep", "jobs"], "readwrite", STRICT);
  const jobs = writing.objectStore("jobs");
  const values = writing.objectStore("keep");
  const gone = told.mode === "full" ? absent(await jobs.getAllKeys(), told.jobs) : told.gone;
  for (const id of gone) await jobs.delete(id);
  for (const job of told.jobs) {
    const mine = await jobs.get(job.id);
    // A server restored from its backup counts versions anew: what it tells in full stands.
    if (told.mode === "full" || mine === undefined || !overtaken(job, mine)) await jobs.put(job);
  }
  for (const part of PARTS) {
    const value = told[part];
    if (value != null) await values.put(value, part);
  }
  const next = ((await values.get("next_seq")) as number | undefined) ?? 1;
  const last = told.device?.last_seq ?? 0;
  // A phone that lost its storage goes on counting where the server stands.
  if (last >= next) await values.put(last + 1, "next_seq");
  await values.put(told.cursor, "cursor");
  await (etag === null ? values.delete("etag") : values.put(etag, "etag"));
  await writing.done;
}

function absent(held: readonly string[], told: readonly Job[]): string[] {
  const ids = new Set(told.map((job) => job.id));
  return held.filter((id) => !ids.has(id));
}

/** A pull may be older than the answer to a command that overtook it. */
function overtaken(told: Job, mine: Job): boolean {
  return mine.version > told.version && mine.assignment_id === told.assignment_id;
}

async function note(storage: Storage, next: ClockSample): Promise<void> {
  const samples = (await kept(storage, "clock")) ?? [];
  await storage.put("keep", withSample(samples, next), "clock");
}
