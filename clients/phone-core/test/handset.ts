/**
 * A phone of the hostile-network test: the core on a disk, and an owner who works off jobs as
 * fast as they come. `node handset.js CONFIG.json`; killed and started again at any moment.
 * What is said goes to stdout twice: before it is kept (`means`) and after (`said`).
 */
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Phone, type Job, type KeptFile, type PhoneEvent, type Saying } from "../src/index.js";
import { openDisk } from "./disk.js";

interface Config {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly device_id: string;
  readonly technician_id: string;
  readonly state: string;
  readonly taken: string;
  readonly pictures: string[];
  readonly clock_offset_ms: number;
  readonly basement: number;
}

const config = JSON.parse(readFileSync(process.argv[2]!, "utf-8")) as Config;
const BOOT = randomUUID();
/** Four hours of a shift that lasts a few minutes. */
const RECONCILE_EVERY_MS = 12_000;
const HANDLED = new Set(["SENT", "ACCEPTED", "ENROUTE", "ONSITE", "WORKING"]);

/** Jobs that this owner has done with, as far as this run of the app remembers. */
const done = new Set<string>();
/** There is nothing to do: what was said is all that will be said. */
let resting = false;

await openDisk(join(config.state, "journal"), "phone");
const phone = await Phone.open({
  baseUrl: config.url,
  storage: "phone",
  clocks: {
    now: () => new Date(Date.now() + config.clock_offset_ms),
    steady: () => ({ boot_id: BOOT, uptime_ms: Math.round(performance.now()) }),
  },
  backoff: { firstMs: 200, capMs: 4000 },
  pullEveryMs: 4000,
  reconcileEveryMs: RECONCILE_EVERY_MS,
  answerMs: 10_000,
  chunkBytes: 96 * 1024,
  onEvent: hear,
});
await signIn();
await Promise.all([carry(), work()]);

/** Its own reconciliation is its last word, as long as nothing more is said. */
function hear(event: PhoneEvent): void {
  tell({ event: event.kind, ...("problem" in event && event) });
  if (event.kind === "reconciled") tell({ drained: event.complete && resting });
}

function tell(line: Record<string, unknown>): void {
  writeSync(1, JSON.stringify(line) + "\n");
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function signIn(): Promise<void> {
  while (!(await phone.isSignedIn())) {
    const device = { id: config.device_id, name: "handset", platform: "android" } as const;
    try {
      await phone.signIn(config.username, config.password, device);
    } catch {
      await pause(200 + Math.random() * 300);
    }
  }
}

/** On line for a while, then in a basement for a while. */
async function carry(): Promise<never> {
  for (;;) {
    const signal = AbortSignal.timeout(2000 + Math.floor(Math.random() * 4000));
    await phone.run(signal);
    if (!(await phone.isSignedIn())) await signIn();
    await pause(Math.random() < config.basement ? 1500 + Math.random() * 2500 : 0);
  }
}

async function work(): Promise<never> {
  for (;;) {
    const job = (await phone.jobs()).find((each) => HANDLED.has(each.state) && !done.has(each.id));
    resting = job === undefined;
    if (job === undefined) {
      await pause(150);
      continue;
    }
    tell({ drained: false });
    await ((await leads(job)) ? visit(job) : assist(job));
  }
}

async function crewOf(job: Job) {
  return (await phone.crews()).find((crew) => crew.id === job.crew_id)?.members ?? [];
}

async function leads(job: Job): Promise<boolean> {
  const me = (await crewOf(job)).find((each) => each.technician_id === config.technician_id);
  return me?.role === "leader";
}

/** What was said about this order already, before a kill or after. */
async function saidOf(job: Job): Promise<Set<string>> {
  const all = await phone.outbox.all();
  return new Set(all.filter((s) => s.command.order_id === job.id).map((s) => s.command.kind));
}

/** The whole visit, as far as the phone knows that the job is its crew's. */
async function visit(job: Job): Promise<void> {
  const said = await saidOf(job);
  const alone = (await crewOf(job)).length === 1;
  for (const kind of ["accept", "contact", "depart", "arrive", "start", "restore", "complete"] as const) {
    if ((await phone.storage.get("jobs", job.id)) === undefined) break;
    if (said.has(kind)) continue;
    if (kind === "complete") await photograph(job, ["F", "B", "X", "X", "X", "X"], count(job, alone));
    await say({ order_id: job.id, kind, ...(await details(kind, job)) });
    await pause(Math.random() * 60);
  }
  done.add(job.id);
}

/** A helper adds a note and pictures to the record. */
async function assist(job: Job): Promise<void> {
  if (!(await saidOf(job)).has("record")) {
    const files = await photograph(job, ["B", "X"], 1 + (Number.parseInt(job.id.at(-1)!, 16) % 2));
    const contribution = { note: "现场协助", readings: [], parts: [], files: files.map(declared) };
    await say({ order_id: job.id, kind: "record", contribution });
  }
  done.add(job.id);
}

/** Three to six files an order: with a helper, who brings one or two, the leader brings fewer. */
function count(job: Job, alone: boolean): number {
  const draw = Number.parseInt(job.id.at(-2)!, 16);
  return alone ? 3 + (draw % 4) : 2 + (draw % 3);
}

async function details(kind: string, job: Job): Promise<Partial<Saying>> {
  const { lon, lat } = job.place;
  if (kind === "contact") return { reached: true };
  if (kind === "arrive") return { place: { lon, lat, datum: "wgs84", accuracy_m: 12, mock: false } };
  if (kind !== "complete") return {};
  const files = (await phone.album.all()).filter((file) => file.order_id === job.id);
  return {
    completion: {
      outcome: "fixed",
      cause_code: "equipment_age",
      summary: "已处理，供应恢复",
      readings: [
        { kind: "R", value: 20.5, unit: "°C", room: "主卧" },
        { kind: "T", value: 48, unit: "°C", point: "供水" },
        { kind: "P", value: 0.35, unit: "MPa" },
      ],
      parts: [],
      manifest: files.map(declared),
    },
  };
}

function declared(file: KeptFile) {
  const { id: file_id, kind, media_type, size_bytes, sha256, captured_at } = file;
  return { file_id, kind, media_type, size_bytes, sha256, captured_at } as never;
}

/** Pictures until there are `wanted` of this order; those of before a kill count. */
async function photograph(job: Job, kinds: string[], wanted: number): Promise<KeptFile[]> {
  const mine = (await phone.album.all()).filter((file) => file.order_id === job.id);
  while (mine.length < wanted) {
    const id = randomUUID();
    const path = config.pictures[Math.floor(Math.random() * config.pictures.length)]!;
    const content = unique(readFileSync(path), 8_000 + Math.floor(Math.random() * 40_000));
    writeFileSync(join(config.taken, id), content);
    const kind = kinds[mine.length]!;
    tell({ means: "file", id, order_id: job.id, kind });
    const shot = { id, orderId: job.id, kind, mediaType: "image/jpeg", capturedAt: new Date(), content };
    const { lon, lat } = job.place;
    mine.push(await phone.photograph({ ...shot, place: { lon, lat }, source: "camera" }));
    tell({ said: "file", id });
  }
  return mine;
}

async function say(saying: Saying): Promise<void> {
  const id = randomUUID();
  tell({ means: "command", id, order_id: saying.order_id, kind: saying.kind });
  tell({ said: "command", id, command: await phone.say(saying, id) });
}

/** A JPEG like no other: a comment of random letters after its first marker. */
function unique(picture: Uint8Array, size: number): Uint8Array {
  const letters = Buffer.from(randomBytes(size).toString("base64").slice(0, size));
  const comment = Buffer.from([0xff, 0xfe, (size + 2) >> 8, (size + 2) & 0xff]);
  return Buffer.concat([picture.subarray(0, 2), comment, letters, picture.subarray(2)]);
}
