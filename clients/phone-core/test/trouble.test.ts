/** What lies between the phone and the service, and a storage with bad moments. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PhoneEvent } from "../src/index.js";
import { accept, DEVICE, job, phoneOn, shot } from "./pocket.js";
import { refusal, Service } from "./service.js";

const gateway = (status: number) => new Response("<h1>try later</h1>", { status });

/** Answer the next requests to a path in its place. */
function insteadOf(service: Service, part: string, ...answers: (() => Response)[]): void {
  service.intercept = ({ url }) => (url.includes(part) ? answers.shift()?.() : undefined);
}

test("a refused header gives no command up: all of them wait", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  for (const order of ["o1", "o2", "o3"]) await phone.say(accept(order));
  const errors = [{ at: ["header", "device-time"], why: "the year must be from 2000 to 2099" }];
  service.intercept = ({ url }) =>
    url.includes("/commands") ? refusal(422, "invalid-input", { errors }) : undefined;
  await assert.rejects(phone.pushOnce(), { name: "Refused" });
  assert.equal(await phone.outbox.countWaiting(), 3);
  service.intercept = () => undefined;
  await phone.pushOnce();
  assert.deepEqual(service.commands.map((each) => each.order_id), ["o1", "o2", "o3"]);
  assert.deepEqual(service.lost, []);
});

test("what a proxy refuses gives no command up; what is too large for it goes in parts", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  for (const order of ["o1", "o2"]) await phone.say(accept(order));
  for (const status of [400, 403, 404, 422]) {
    insteadOf(service, "/commands", () => gateway(status));
    await assert.rejects(phone.pushOnce(), { name: "Unreachable" });
  }
  insteadOf(service, "/commands", () => gateway(413), () => gateway(413));
  await assert.rejects(phone.pushOnce(), { name: "Refused", status: 413 });
  assert.equal(await phone.outbox.countWaiting(), 2);
  insteadOf(service, "/commands", () => gateway(413));
  await phone.pushOnce();
  assert.deepEqual(service.commands.map((each) => each.order_id), ["o1", "o2"]);
});

test("a command too large for the service is given up alone", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  for (const order of ["o1", "o2", "o3"]) await phone.say(accept(order));
  const tooLarge = () => refusal(413, "body-too-large");
  insteadOf(service, "/commands", tooLarge, tooLarge, tooLarge);
  await phone.pushOnce();
  assert.deepEqual((await phone.unseen()).map((said) => said.device_seq), [1]);
  assert.deepEqual(service.commands.map((each) => each.device_seq), [2, 3]);
});

test("a network's own page is no answer, and its 401 ends no sign-in", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const page = () =>
    new Response("<p>Welcome</p>", { headers: { "Content-Type": "text/html; charset=utf-8" } });
  insteadOf(service, "/sync", page);
  await assert.rejects(phone.pullOnce(), { name: "Unreachable" });
  insteadOf(service, "", () => gateway(401), () => gateway(401));
  await phone.pullOnce();
  assert.equal(service.refreshes, 1);
  service.intercept = ({ url }) =>
    /sync|refresh/.test(url) ? refusal(401, "refresh-refused") : undefined;
  await assert.rejects(phone.pullOnce(), { name: "SignedOut" });
  assert.ok(!(await phone.isSignedIn()));
});

test("a bad moment of storage is told, and ends none of the loops", async () => {
  const service = new Service();
  const stop = new AbortController();
  const events: PhoneEvent[] = [];
  const phone = await phoneOn(service, undefined, 4, (event) => {
    events.push(event);
    if (event.kind === "answered") stop.abort();
  });
  await phone.say(accept("o1"));
  const { waiting } = phone.outbox;
  phone.outbox.waiting = () => {
    phone.outbox.waiting = waiting;
    // The wait that follows is a second at least: a push ends it.
    setTimeout(() => phone.wakeUp(), 1);
    return Promise.reject(new DOMException("full", "QuotaExceededError"));
  };
  await phone.run(stop.signal);
  assert.equal(service.commands.length, 1);
  const failed = events.filter((event) => event.kind === "storage failed");
  assert.deepEqual(failed, [{ kind: "storage failed", problem: "QuotaExceededError" }]);
});

test("a mistake of ours ends the run, and leaves no listener behind", async () => {
  const phone = await phoneOn(new Service());
  phone.outbox.waiting = () => Promise.reject(new TypeError("a mistake"));
  const { signal } = new AbortController();
  let listening = 0;
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...said: unknown[]) => {
    listening += 1;
    (add as (...all: unknown[]) => void).apply(signal, said);
  };
  signal.removeEventListener = (...said: unknown[]) => {
    listening -= 1;
    (remove as (...all: unknown[]) => void).apply(signal, said);
  };
  await assert.rejects(phone.run(signal), TypeError);
  assert.equal(listening, 0);
});

test("a storage with somebody's work is closed to others, and the device stays the owner's", async () => {
  const service = new Service();
  service.people["other"] = "u2";
  const phone = await phoneOn(service);
  await phone.say(accept("o1"));
  const trying = phone.signIn("other", "secret", DEVICE);
  await assert.rejects(trying, { name: "OtherOwner" });
  assert.deepEqual(service.signIns, ["d"]);
  service.people["renamed"] = "u1";
  await phone.signIn("renamed", "secret", DEVICE);
  await phone.pushOnce();
  assert.deepEqual(service.commands.map((each) => each.order_id), ["o1"]);
});

test("an account that became another person's under its name is refused too", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  await phone.photograph(shot());
  service.people["tech"] = "u9";
  await assert.rejects(phone.signIn("tech", "secret", DEVICE), { name: "OtherOwner" });
});

test("an empty storage passes to another person, with nothing of the one before", async () => {
  const service = new Service();
  service.people["other"] = "u2";
  const phone = await phoneOn(service);
  service.working = { mode: "full", jobs: [job("o1")], gone: [], crews: [{ id: "c" }] };
  await phone.pullOnce();
  await phone.signIn("other", "secret", DEVICE);
  assert.deepEqual([await phone.jobs(), await phone.crews()], [[], []]);
  await phone.pullOnce();
  assert.equal(service.lastCursor, null);
});

test("pushes that came are told with the next pull until one was answered", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const id of [first, "none of ours", second, first]) await phone.pushArrived(id);
  service.loseNextAnswer("/sync");
  await assert.rejects(phone.pullOnce(), { name: "Unreachable" });
  const third = crypto.randomUUID();
  service.onPull = () => void phone.pushArrived(third);
  await phone.pullOnce();
  service.onPull = () => {};
  await phone.pullOnce();
  await phone.pullOnce();
  const both = `${first},${second}`;
  assert.deepEqual(service.pushes, [both, both, third, null]);
});
