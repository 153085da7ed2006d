/** The core against a service in this process: lost answers, torn uploads, kills, gaps. */
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, pause } from "../src/backoff.js";
import { sample, skewMs, withOffset, withSample } from "../src/clock.js";
import { Phone } from "../src/index.js";
import { ChunkSize } from "../src/upload.js";
import { Service } from "./service.js";

let number = 0;

async function phoneOn(
  service: Service, storage = `phone-${(number += 1)}`, chunkBytes = 4,
): Promise<Phone> {
  const phone = await Phone.open({
    baseUrl: "http://service", storage, fetch: service.fetch, chunkBytes,
    backoff: { firstMs: 1, capMs: 2 },
  });
  await phone.signIn("tech", "secret", { id: "d", name: "phone", platform: "android" });
  return phone;
}

const accept = (order_id: string) => ({ kind: "accept", order_id }) as const;

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

test("a torn upload goes on where the server stands, with a checksum on each chunk", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const content = new TextEncoder().encode("0123456789");
  const shot = { orderId: "o1", kind: "F", mediaType: "image/jpeg", capturedAt: new Date(), content };
  const file = await phone.photograph(shot);
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
  service.working = { mode: "full", jobs: [{ id: "o1", version: 1 }], gone: [], crews: [{ id: "c" }] };
  await phone.pullOnce();
  service.working = { mode: "changes", jobs: [{ id: "o2", version: 1 }], gone: ["o1"] };
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
    ({ mode, jobs: [{ id: "o1", version, assignment_id: "a" }], gone: [] });
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
  const content = new Uint8Array(96 * 1024);
  const shot = { orderId: "o1", kind: "F", mediaType: "image/jpeg", capturedAt: new Date(), content };
  await phone.photograph(shot);
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
