/**
 * One errand of a phone against a real service: `node retake.js FILE` with `{url, username,
 * password, device_id}` as JSON on stdin. It pulls, takes anew with FILE what was not
 * taken, uploads, reconciles, and tells on stdout what it found.
 */
import "fake-indexeddb/auto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Phone } from "../src/index.js";

interface Errand {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly device_id: string;
}

const errand = JSON.parse(await text(process.stdin)) as Errand;
const phone = await Phone.open({ baseUrl: errand.url, storage: "errand" });
const device = { id: errand.device_id, name: "errand", platform: "android" } as const;
await phone.signIn(errand.username, errand.password, device);
await phone.pullOnce();
const retakes = await phone.retakes();
const files = [];
for (const { orderId, kind, replaces } of retakes) {
  const { lon, lat } = (await phone.jobs()).find((job) => job.id === orderId)!.place;
  files.push(await phone.photograph({
    orderId, kind, replaces, mediaType: "image/jpeg", capturedAt: new Date(0),
    content: readFileSync(process.argv[2]!), place: { lon, lat, datum: "wgs84" }, source: "camera",
  }));
}
await phone.uploadOnce();
await phone.pushArrived(crypto.randomUUID());
await phone.pullOnce();
const { complete, told } = await phone.reconcile();
const states = await Promise.all(files.map(async ({ id }) => (await phone.album.get(id))?.state));
const still = await phone.retakes();
console.log(JSON.stringify({ retakes, files: files.map(({ id }) => id), states, still, complete, told }));
