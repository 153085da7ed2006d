/** The core against a service in this process: lost answers, torn uploads, kills, gaps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, pause } from "../src/backoff.js";
import { sample, skewMs, withOffset, withSample } from "../src/clock.js";
import { isWhole, merged, pages, type Held } from "../src/manifest.js";
import { ChunkSize } from "../src/upload.js";
import { accept, job, phoneOn, shot } from "./pocket.js";
import { nothingWrong, Service, urn } from "./service.js";

test("a command whose answer was lost is sent again and done once", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  await phone.say(accept("o1"));
  service.loseNextAnswer("/mobile/commands");
  await assert.rejects(phone.pushOnce(), { name: "Unreachable" });
  await phone.pushOnce();
  assert.equal(service.commands.length, 1);
  assert.equal(await phone.outbox.countWaiting(), 0);
});

test("commands are numbered without gaps and survive a restart", async () => {
  const service = new Service();
  const phone = await phoneOn(service, "restarted");
  await phone.say(accept("o1"));
  phone.storage.close();
  const again = await phoneOn(service, "restarted");
  await Promise.all([again.say(accept("o2")), again.say(accept("o3"))]);
  await again.pushOnce();
  assert.deepEqual(service.commands.map((each) => each.device_seq), [1, 2, 3]);
});

test("a conflict is kept until its owner has seen it", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  service.outcome = "conflict";
  const { id } = await phone.say(accept("o1"));
  await phone.pushOnce();
  assert.deepEqual((await phone.unseen()).map((each) => each.id), [id]);
  await phone.outbox.markSeen(id);
  assert.deepEqual(await phone.unseen(), []);
});

test("what the server misses is sent again, what is nowhere is told to be lost", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  await phone.say(accept("o1"));
  await phone.pushOnce();
  service.commands = [];
  await phone.say(accept("o2"));
  service.gaps = [{ first: 1, last: 1 }, { first: 7, last: 7 }];
  await phone.pushOnce();
  assert.deepEqual(service.commands.map((each) => each.device_seq), [2, 1]);
  assert.deepEqual(service.lost, [7]);
});

test("one unreadable command holds up none of the others, and its owner hears of it", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const said = [];
  for (const order of ["o1", "o2", "o3"]) said.push(await phone.say(accept(order)));
  service.unreadable = "o2";
  await phone.pushOnce();
  assert.deepEqual(service.commands.map((each) => each.order_id), ["o1", "o3"]);
  service.gaps = [{ first: 2, last: 2 }];
  await phone.say(accept("o4"));
  await phone.pushOnce();
  assert.deepEqual(service.lost, [2]);
  const unseen = await phone.unseen();
  assert.deepEqual(unseen.map((each) => [each.id, each.problem?.type]), [[said[1]!.id, urn("invalid-input")]]);
  assert.equal(await phone.outbox.sayAgain([said[1]!.id]), 0);
});

test("an upload whose id is taken is refused for good, and the next one goes on", async () => {
  const service = new Service();
  const events: string[] = [];
  const phone = await phoneOn(service, undefined, 64, (event) => events.push(event.kind));
  const [first, second] = [await phone.photograph(shot()), await phone.photograph(shot())];
  service.taken = first.id;
  await phone.uploadOnce();
  assert.deepEqual(events.sort(), ["file refused", "stored"]);
  assert.equal((await phone.album.get(first.id))?.refusedWhy, urn("evidence-differs"));
  assert.equal((await phone.album.get(second.id))?.state, "stored");
});

test("reconciliation is not complete while something said meanwhile waits", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  service.onReconcile = () => phone.say(accept("o1"));
  assert.equal((await phone.reconcile()).complete, false);
  service.onReconcile = async () => {};
  await phone.pushOnce();
  assert.equal((await phone.reconcile()).complete, true);
});

test("a manifest longer than a question is asked in pages, and its answers are put together", () => {
  const held = heldBy(501, 4100, 1001);
  const [first, second, third, ...more] = pages(held);
  assert.equal(more.length, 0);
  assert.deepEqual([first, second, third].map((page) => page!.commands.length), [2000, 2000, 100]);
  assert.deepEqual([second!.orders.length, second!.files.length, third!.files.length], [1, 1, 0]);

  // Each page is answered as though there were no other: the rest seems to be missing.
  const told = [first!, second!, third!].map((page) => {
    const answer = nothingWrong();
    const asked = new Set(page.orders.map(({ id }) => id));
    answer.orders.missing = held.orders.map(({ id }) => id).filter((id) => !asked.has(id));
    answer.files.unlisted = held.files
      .filter((file) => !page.files.includes(file))
      .map(({ id, order_id }) => ({ id, order_id }));
    answer.commands.gaps = page === second ? [{ first: 1991, last: 2000 }] : [];
    return answer;
  });
  assert.ok(isWhole(merged(told, held)));
  told[2]!.commands.missing = ["c4050"];
  const whole = merged(told, held);
  assert.deepEqual(whole.commands.missing, ["c4050"]);
  assert.ok(!isWhole(whole));
  assert.ok(isWhole(merged([nothingWrong()], heldBy(0, 0, 0))));
  assert.ok(!isWhole(merged([{ ...nothingWrong(), files: told[0]!.files }], heldBy(0, 0, 0))));
});

/** So many jobs, commands and files; only what a manifest needs of them. */
function heldBy(jobs: number, commands: number, files: number): Held {
  const made = (letter: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      id: `${letter}${at + 1}`, device_seq: at + 1, order_id: "j1", version: 1,
    }));
  return {
    orders: made("j", jobs), commands: made("c", commands), files: made("f", files),
  } as unknown as Held;
}

test("a torn upload goes on where the server stands, with a checksum on each chunk", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const file = await phone.photograph(shot());
  service.loseNextAnswer("/evidence/uploads/");
  await assert.rejects(phone.uploadOnce(), { name: "Unreachable" });
  await phone.uploadOnce();
  assert.equal(new TextDecoder().decode(service.bytes.get(file.id)), "0123456789");
  assert.equal(service.chunks, 3);
  assert.equal((await phone.album.get(file.id))?.state, "stored");
});

test("cursor and jobs come together; absent parts stay; an unchanged answer has no body", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  service.working = { mode: "full", jobs: [job("o1")], gone: [], crews: [{ id: "c" }] };
  await phone.pullOnce();
  service.working = { mode: "changes", jobs: [job("o2")], gone: ["o1"] };
  await phone.pullOnce();
  assert.deepEqual((await phone.jobs()).map((job) => job.id), ["o2"]);
  assert.equal((await phone.crews()).length, 1);
  service.working = undefined;
  await phone.pullOnce();
  assert.equal(service.lastCursor, "c2");
});

test("a full answer replaces what a command's answer had made newer", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const told = (version: number, mode = "full") =>
    ({ mode, jobs: [job("o1", version)], gone: [] });
  for (const [working, stands] of [[told(9), 9], [told(3, "changes"), 9], [told(3), 3]] as const) {
    service.working = working;
    await phone.pullOnce();
    assert.deepEqual((await phone.jobs()).map((job) => job.version), [stands]);
  }
});

test("it reconciles at the start and after a full answer, and not otherwise", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const seen: number[] = [];
  const stop = new AbortController();
  const modes = ["changes", "changes", "full", "changes"];
  const next = () => {
    seen.push(service.reconciled);
    const mode = modes.shift();
    if (mode === undefined) stop.abort();
    service.working = { mode: mode ?? "changes", jobs: [], gone: [], more: true };
  };
  service.onPull = next;
  await phone.run(stop.signal);
  assert.deepEqual(seen.slice(0, 5), [0, 1, 1, 2, 2]);
});

test("a torn line halves the chunk down to the least, what arrives doubles it", () => {
  const chunk = new ChunkSize(40 * 1024);
  const sizes = [chunk.torn, chunk.torn, chunk.torn, chunk.arrived, chunk.arrived].map((came) => {
    came.call(chunk);
    return chunk.bytes / 1024;
  });
  assert.deepEqual(sizes, [20, 16, 16, 32, 40]);
});

test("a chunk whose answer is lost makes the next one smaller", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64 * 1024);
  await phone.photograph(shot({ content: new Uint8Array(96 * 1024) }));
  service.loseNextAnswer("/evidence/uploads/");
  await assert.rejects(phone.uploadOnce(), { name: "Unreachable" });
  await phone.uploadOnce();
  assert.deepEqual(service.sizes, [64 * 1024, 32 * 1024]);
});

test("an expired sign-in renews itself once for all, and forgives a lost answer", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  service.expireTokens();
  service.loseNextAnswer("/auth/refresh");
  await phone.say(accept("o1"));
  await Promise.all([phone.pushOnce(), phone.pullOnce()]);
  assert.equal(service.refreshes, 2);
  assert.equal(service.commands.length, 1);
});

test("the longest wait doubles up to its cap, and jitter spreads it", () => {
  const widest = new Backoff({ firstMs: 100, capMs: 500, random: () => 1 });
  assert.deepEqual([1, 2, 3, 4, 5].map(() => widest.failed()), [100, 200, 400, 500, 500]);
  widest.succeeded();
  assert.equal(widest.failed(), 100);
  assert.equal(new Backoff({ random: () => 0 }).failed(3000), 3000);
});

test("a wait ends when it is woken", async () => {
  await pause(3_600_000, undefined, Promise.resolve());
});

test("skew is that of the quickest answer, and begins anew when the clock was set", () => {
  const slow = sample(0, 4000, "1970-01-01T00:00:01.000Z");
  const quick = sample(10_000, 10_100, "1970-01-01T00:00:08.050Z");
  assert.equal(skewMs(withSample([slow], quick)), 2000);
  const jumped = sample(3_600_000, 3_600_100, "1970-01-01T00:00:09.050Z");
  assert.equal(withSample([slow, quick], jumped).length, 1);
});

test("times carry the phone's own offset", () => {
  const at = new Date("2026-01-15T00:00:00Z");
  assert.match(withOffset(at), /[+-]\d\d:\d\d$/);
  assert.equal(new Date(withOffset(at)).getTime(), at.getTime());
});
