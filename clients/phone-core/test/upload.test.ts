/** Files: kept piece by piece, sent until the service itself says no, and taken anew. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { PIECE_BYTES } from "../src/album.js";
import { Phone } from "../src/index.js";
import { job, phoneOn, shot, TEN } from "./pocket.js";
import { refusal, Service, urn } from "./service.js";

const uploads = ({ url }: Request) => url.includes("/evidence/uploads");

async function states(phone: Phone): Promise<unknown[]> {
  return (await phone.album.all()).map(({ state, refusedWhy }) => refusedWhy ?? state);
}

test("a stray answer gives no photo up", async () => {
  for (const status of [400, 403, 404, 410, 415, 422]) {
    const service = new Service();
    const phone = await phoneOn(service);
    await phone.photograph(shot());
    service.intercept = (request) =>
      uploads(request) ? new Response("<h1>no</h1>", { status }) : undefined;
    await assert.rejects(phone.uploadOnce(), { name: "Unreachable" });
    assert.deepEqual(await states(phone), ["waiting"]);
    service.intercept = () => undefined;
    await phone.uploadOnce();
    assert.deepEqual(await states(phone), ["stored"]);
  }
});

test("an upload that expired is created again, once", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const { id } = await phone.photograph(shot());
  let expired = false;
  service.intercept = ({ method }) => {
    if (method === "PATCH" && service.chunks === 1 && !expired) expired = service.bytes.delete(id);
    return undefined;
  };
  await phone.uploadOnce();
  assert.deepEqual(service.bytes.get(id), TEN);
  service.intercept = (request) => (uploads(request) ? refusal(404, "not-found") : undefined);
  await phone.photograph(shot());
  await phone.uploadOnce();
  assert.deepEqual((await states(phone)).sort(), ["stored", urn("not-found")]);
});

test("bytes that came garbled are sent once more, then the file is refused", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64);
  let garbled = 1;
  service.intercept = ({ method }) =>
    method === "PATCH" && garbled-- > 0 ? refusal(422, "evidence-hash-differs") : undefined;
  await phone.photograph(shot());
  await phone.uploadOnce();
  assert.deepEqual(await states(phone), ["stored"]);
  garbled = 2;
  await phone.photograph(shot());
  await phone.uploadOnce();
  assert.deepEqual((await states(phone)).sort(), ["stored", urn("evidence-hash-differs")]);
});

test("what a photo can do without is left out when the service cannot read it", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const wanted = { source: "camera", place: { lon: 117.02, lat: 36.65, datum: "gcj02" } } as const;
  const capturedAt = new Date("1970-01-01T00:05:00Z");
  const file = await phone.photograph(shot({ ...wanted, capturedAt, replaces: "r1" }));
  let broken = 1;
  service.intercept = ({ method, url }) =>
    method === "POST" && url.includes("/uploads") && broken-- > 0
      ? refusal(422, "upload-metadata-invalid")
      : undefined;
  await phone.uploadOnce();
  const bare = {
    order_id: "o1", file_id: file.id, kind: "F", sha256: file.sha256, filetype: "image/jpeg",
    replaces: "r1",
  };
  assert.deepEqual(service.metadata, [bare]);
  await phone.album.sendAgain(file.id);
  await phone.uploadOnce();
  assert.deepEqual(service.metadata[1], {
    ...bare, captured_at: "1970-01-01T00:05:00.000Z", captured_lon: "117.02", captured_lat: "36.65",
    datum: "gcj02", source: "camera",
  });
});

test("a chunk too large for a hop on the way comes in smaller ones", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64 * 1024);
  let refusals = 1;
  service.intercept = ({ method }) =>
    method === "PATCH" && refusals-- > 0 ? new Response("too large", { status: 413 }) : undefined;
  await phone.photograph(shot({ content: new Uint8Array(40 * 1024) }));
  await assert.rejects(phone.uploadOnce(), { name: "Unreachable" });
  await phone.uploadOnce();
  assert.deepEqual(service.sizes, [32 * 1024, 8 * 1024]);
});

test("a file whose bytes are damaged is told as such and holds up no other", async () => {
  const service = new Service();
  const told: unknown[] = [];
  const phone = await phoneOn(service, undefined, 64, (event) => told.push(event));
  const { id } = await phone.photograph(shot());
  await phone.storage.delete("pieces", [id, 0]);
  await phone.photograph(shot());
  assert.equal(await phone.uploadOnce(), Infinity);
  assert.deepEqual((await states(phone)).sort(), ["damaged", "stored"]);
  const refused = { kind: "file refused", file: id, problem: "damaged" };
  assert.deepEqual(told.find((each) => (each as { file: string }).file === id), refused);
  assert.equal(await phone.album.sendAgain(id), false);
});

test("a long video is hashed and kept piece by piece", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 1024 * 1024);
  const bytes = new Uint8Array(17 * PIECE_BYTES + 5).map((_, at) => at % 251);
  let most = 0;
  const content = new Blob([bytes]);
  const slice = content.slice.bind(content);
  content.slice = (first = 0, end = content.size) => {
    most = Math.max(most, end - first);
    return slice(first, end);
  };
  content.arrayBuffer = () => assert.fail("loaded whole");
  const file = await phone.photograph(shot({ content }));
  assert.equal(file.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.equal(file.size_bytes, bytes.length);
  assert.equal(most, 16 * PIECE_BYTES);
  assert.equal(await phone.storage.count("pieces"), 18);
  await phone.uploadOnce();
  assert.equal(Buffer.compare(service.bytes.get(file.id)!, bytes), 0);
});

test("half a file leaves nothing behind, a kept one is not written over, an empty one is none", async () => {
  const phone = await phoneOn(new Service(), "half");
  const bytes = new Uint8Array(17 * PIECE_BYTES);
  const content = new Blob([bytes]);
  const slice = content.slice.bind(content);
  let left = 1;
  content.slice = (...said) => (left-- > 0 ? slice(...said) : assert.fail("no space left"));
  await assert.rejects(phone.photograph(shot({ content })), /no space left/);
  assert.equal(await phone.storage.count("pieces"), 0);
  const { id } = await phone.photograph(shot());
  await assert.rejects(phone.photograph(shot({ id, content: new Uint8Array(3) })), RangeError);
  assert.deepEqual(await phone.album.read(id, 0, 64), TEN);
  await assert.rejects(phone.photograph(shot({ content: new Uint8Array(0) })), RangeError);
  await phone.storage.put("pieces", bytes, ["killed", 0]);
  phone.storage.close();
  const again = await phoneOn(new Service(), "half");
  assert.deepEqual(await again.storage.getAllKeys("pieces"), [[id, 0]]);
});

test("files that were not taken are asked for until others take their place", async () => {
  const service = new Service();
  const phone = await phoneOn(service);
  const rejected_files = [
    { file_id: "r1", kind: "F", why: "truncated" }, { file_id: "r2", kind: "B", why: "undecodable" },
  ];
  service.working = { mode: "full", jobs: [job("o1", 1, { rejected_files })], gone: [] };
  await phone.pullOnce();
  const [first, second] = await phone.retakes();
  assert.deepEqual(first, { orderId: "o1", kind: "F", replaces: "r1", why: "truncated" });
  assert.equal(second?.replaces, "r2");
  const { id } = await phone.photograph(shot({ replaces: "r1" }));
  assert.deepEqual((await phone.retakes()).map((each) => each.replaces), ["r2"]);
  await phone.album.refused(id, urn("evidence-rejected"));
  assert.deepEqual((await phone.retakes()).map((each) => each.replaces), ["r1", "r2"]);
});

test("what was to replace a file that no record names is sent for itself", async () => {
  const service = new Service();
  const phone = await phoneOn(service, undefined, 64);
  const rejected_files = [{ file_id: "r1", kind: "F", why: "truncated" }];
  const told = (state: string) =>
    ({ mode: "full", jobs: [job("o1", 1, { state, rejected_files })], gone: [] });
  service.working = told("none");
  await phone.pullOnce();
  await phone.photograph(shot({ replaces: "r1" }));
  service.intercept = ({ headers }) =>
    headers.get("upload-metadata")?.includes("replaces ")
      ? refusal(409, "replacement-invalid")
      : undefined;
  await phone.uploadOnce();
  assert.deepEqual(await states(phone), ["stored"]);
  assert.deepEqual(await phone.retakes(), []);
  // A record that was under way named the rejected one after all.
  service.working = told("incomplete");
  await phone.pullOnce();
  assert.deepEqual((await phone.retakes()).map((each) => each.replaces), ["r1"]);
});
