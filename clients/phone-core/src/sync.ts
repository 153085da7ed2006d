/**
 * Pull: the whole working set once, then what changed. The cursor is kept in the same
 * transaction as the data that came with it, so a kill in between loses neither.
 */
import { sample, withSample, type ClockSample } from "./clock.js";
import type { Session } from "./session.js";
import { kept, STRICT, type Storage } from "./storage.js";
import type { Job, Working } from "./wire.js";

/** What one pull came to; `again` when there is more, or something is about to be readable. */
export interface Pulled {
  readonly changed: boolean;
  readonly again: "no" | "at once" | "soon";
}

/** One pull, applied. Raises Unreachable, Refused or SignedOut. */
export async function pull(session: Session, storage: Storage, now: () => Date): Promise<Pulled> {
  const cursor = await kept(storage, "cursor");
  const etag = await kept(storage, "etag");
  const asked = now();
  const { data, response } = await session.api.GET("/api/v1/mobile/sync", {
    params: { query: cursor === undefined ? {} : { cursor } },
    headers: {
      "Device-Time": asked.toISOString(),
      ...(etag === undefined ? {} : { "If-None-Match": etag }),
    },
  });
  if (response.status === 304 || data === undefined) return { changed: false, again: "no" };
  await apply(storage, data, response.headers.get("etag"));
  await note(storage, sample(asked.getTime(), now().getTime(), data.server_time));
  const again = data.more ? "at once" : data.settling ? "soon" : "no";
  return { changed: data.mode === "full" || data.jobs.length + data.gone.length > 0, again };
}

/** Take the answer over: jobs, tombstones, crews and cursor, all or nothing. */
async function apply(storage: Storage, told: Working, etag: string | null): Promise<void> {
  const writing = storage.transaction(["keep", "jobs", "crews"], "readwrite", STRICT);
  const jobs = writing.objectStore("jobs");
  const crews = writing.objectStore("crews");
  if (told.mode === "full") await keepOnly(jobs, new Set(told.jobs.map((job) => job.id)));
  for (const job of told.jobs) {
    const mine = await jobs.get(job.id);
    if (mine === undefined || !overtaken(job, mine)) await jobs.put(job);
  }
  for (const id of told.gone) await jobs.delete(id);
  await crews.clear();
  for (const crew of told.crews) await crews.put(crew);
  const values = writing.objectStore("keep");
  await values.put(told.cursor, "cursor");
  await (etag === null ? values.delete("etag") : values.put(etag, "etag"));
  await writing.done;
}

/** A pull may be older than the answer to a command that overtook it. */
function overtaken(told: Job, mine: Job): boolean {
  return mine.version > told.version && mine.assignment_id === told.assignment_id;
}

async function keepOnly(
  jobs: { getAllKeys(): Promise<string[]>; delete(key: string): Promise<void> },
  ids: ReadonlySet<string>,
): Promise<void> {
  for (const id of await jobs.getAllKeys()) if (!ids.has(id)) await jobs.delete(id);
}

async function note(storage: Storage, next: ClockSample): Promise<void> {
  const samples = (await kept(storage, "clock")) ?? [];
  await storage.put("keep", withSample(samples, next), "clock");
}
