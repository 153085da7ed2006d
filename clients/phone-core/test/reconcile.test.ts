/** What reconciliation does: sends again, gives up bytes, forgets; and when it comes by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Phone } from "../src/index.js";
import { accept, job, phoneOn, shot } from "./pocket.js";
import { nothingWrong, Service, urn } from "./service.js";

const DAY_MS = 86_400_000;

/** Jobs that the service tells in full. */
async function pulled(service: Service, phone: Phone, ...orders: string[]): Promise<void> {
  service.working = { mode: "full", jobs: orders.map((id) => job(id)), gone: [] };
  await phone.pullOnce();
}

test("commands and files that the service misses are sent again", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64);
  const { id } = await phone.say(accept("o1"));
  const files = [];
  for (let at = 0; at < 5; at += 1) files.push((await phone.photograph(shot())).id);
  const [missing, partial, torn, rejected, whole] = files as [string, string, string, string, string];
  await phone.pushOnce();
  await phone.uploadOnce();
  await phone.album.refused(rejected, urn("evidence-rejected"));
  await pulled(service, phone, "o1");
  service.commands = [];
  service.bytes.delete(missing);
  service.told.commands.missing = [id];
  service.told.files.missing = [missing];
  service.told.files.partial = [{ id: partial, offset: 3, size_bytes: 10 }];
  service.told.files.rejected = [{ id: torn, why: "hash-differs" }, { id: rejected, why: "truncated" }];

  const found = await phone.reconcile();
  assert.deepEqual([found.complete, found.sentAgain], [false, 4]);
  assert.equal(await phone.outbox.countWaiting(), 1);
  const waiting = (await phone.album.waiting()).map((file) => file.id);
  assert.deepEqual(waiting.sort(), [missing, partial, torn].sort());
  assert.equal((await phone.album.get(rejected))?.state, "refused");
  assert.equal((await phone.album.get(whole))?.state, "released");
  // What waits already is not sent again twice.
  assert.equal((await phone.reconcile()).sentAgain, 0);

  await phone.pushOnce();
  await phone.uploadOnce();
  assert.deepEqual(service.commands.map((each) => each.id), [id]);
  assert.equal(service.bytes.get(missing)?.length, 10);
  service.told = nothingWrong();
  assert.equal((await phone.reconcile()).complete, true);
});

test("bytes are given up when they are confirmed, entries when their job is over", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64);
  await pulled(service, phone, "o1");
  const kept = await phone.photograph(shot());
  const differing = await phone.photograph(shot());
  await phone.uploadOnce();
  service.told.files.differing = [{ id: differing.id, fields: ["sha256"] }];
  await phone.reconcile();
  assert.equal((await phone.album.get(kept.id))?.state, "released");
  assert.equal((await phone.album.get(differing.id))?.state, "stored");
  assert.deepEqual(await phone.storage.getAllKeys("pieces"), [[differing.id, 0]]);
  // The bytes are gone: there is nothing to send again.
  assert.equal(await phone.album.sendAgain(kept.id), false);
  await phone.reconcile();
  assert.notEqual(await phone.album.get(kept.id), undefined);
  await pulled(service, phone);
  await phone.reconcile();
  assert.equal(await phone.album.get(kept.id), undefined);
  assert.notEqual(await phone.album.get(differing.id), undefined);
});

test("commands are forgotten when they are old, confirmed, and seen if they failed", async () => {
  const service = new Service();
  const times = { ms: Date.UTC(2026, 0, 1) };
  const clocks = { now: () => new Date(times.ms) };
  const phone = await phoneOn(service, undefined, 64, () => {}, { clocks });
  const unconfirmed = await phone.say(accept("o1"));
  await phone.say(accept("o2"));
  await phone.pushOnce();
  service.outcome = "conflict";
  const conflict = await phone.say(accept("o3"));
  await phone.pushOnce();
  service.outcome = "applied";
  times.ms += 8 * DAY_MS;
  const fresh = await phone.say(accept("o4"));
  await phone.pushOnce();
  const ids = async () => (await phone.outbox.all()).map((said) => said.id);
  service.told.commands.differing = [{ id: unconfirmed.id, why: "device_seq" }];
  await phone.reconcile();
  assert.deepEqual(await ids(), [unconfirmed.id, conflict.id, fresh.id]);
  await phone.outbox.markSeen(conflict.id);
  service.told = nothingWrong();
  await phone.reconcile();
  assert.deepEqual(await ids(), [fresh.id]);
});

test("it reconciles by itself when a job misses a file that was sent, and every few hours", async () => {
  const service = new Service();
  const times = { ms: Date.UTC(2026, 0, 1) };
  const clocks = { now: () => new Date(times.ms) };
  const told: unknown[] = [];
  const phone = await phoneOn(
    service, undefined, 64, (event) => told.push(event), { clocks, pullEveryMs: 0 },
  );
  const sent = await phone.photograph(shot());
  await phone.uploadOnce();
  const missing = (...ids: string[]) => [job("o1", 1, { missing_files: ids })];
  const hours = (count: number) => void (times.ms += count * 3_600_000);
  const seen: number[] = [];
  const stop = new AbortController();
  const steps = [
    () => {},
    () => (service.working = { mode: "changes", jobs: missing("another's"), gone: [] }),
    () => (service.working = { mode: "changes", jobs: missing(sent.id), gone: [] }),
    () => (service.working = undefined),
    () => hours(3),
    () => hours(1.5),
    () => {},
    () => hours(-9),
    () => stop.abort(),
  ];
  service.told.files.missing = [sent.id];
  service.onReconcile = async () => void service.bytes.delete(sent.id);
  service.working = { mode: "changes", jobs: [], gone: [] };
  service.onPull = () => {
    seen.push(service.reconciled);
    steps.shift()?.();
  };
  await phone.run(stop.signal);
  assert.deepEqual(seen.slice(0, 9), [0, 1, 1, 2, 2, 2, 3, 3, 4]);
  assert.ok(told.some((event) => JSON.stringify(event).includes('"reconciled","complete":false')));
});

test("a reconciliation that the service will not answer comes again in its time", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64, () => {}, { pullEveryMs: 0 });
  let asked = 0;
  service.intercept = ({ url }) => {
    if (!url.includes("/reconcile")) return undefined;
    asked += 1;
    setTimeout(() => phone.wakeUp(), 1);
    return Response.json({ type: urn("invalid-input"), title: "no" }, { status: 422 });
  };
  const stop = new AbortController();
  let pulls = 0;
  service.working = undefined;
  service.onPull = () => void ((pulls += 1) === 4 && stop.abort());
  await phone.run(stop.signal);
  assert.equal(asked, 1);
});

test("a long manifest says which page of how many it is", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const filling = phone.storage.transaction("commands", "readwrite");
  for (let at = 1; at <= 2001; at += 1) {
    const command = { ...accept("o1"), id: `c${at}`, device_seq: at, client_at: "2026-01-15" };
    void filling.store.add({ device_seq: at, id: command.id, command, state: "answered" });
  }
  await filling.done;
  await phone.reconcile();
  const told = service.manifests.map(({ commands, page, of }) => [commands.length, page, of]);
  assert.deepEqual(told, [[2000, 1, 2], [1, 2, 2]]);
});
