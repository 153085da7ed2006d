/**
 * A technician's phone without its screen: what the owner says and photographs is on the disk
 * before anything else, and three loops carry it to the service whenever there is a signal.
 */
import { Album, type Shot } from "./album.js";
import { Backoff, pause, type BackoffOptions } from "./backoff.js";
import { skewMs, type Clocks } from "./clock.js";
import { Refused, SignedOut, Unreachable } from "./errors.js";
import type { PhoneEvent, Retake } from "./events.js";
import { Outbox } from "./outbox.js";
import { push } from "./push.js";
import { reconcile, type Reconciled } from "./reconcile.js";
import { Session } from "./session.js";
import { holdStorage, kept, openStorage, type KeptFile, type Said, type Storage } from "./storage.js";
import { notePush, pull } from "./sync.js";
import { ChunkSize, upload } from "./upload.js";
import type { Command, Crew, Device, Job, Notice, Saying } from "./wire.js";

export interface PhoneOptions {
  /** Where the service is, without `/api/v1`. */
  readonly baseUrl: string;
  /** Name of the storage; one per account that uses the phone. */
  readonly storage: string;
  readonly fetch?: typeof fetch;
  readonly clocks?: Clocks;
  readonly backoff?: Partial<BackoffOptions>;
  /** Between pulls without a push, in milliseconds; the company's own figure otherwise. */
  readonly pullEveryMs?: number;
  /** Between reconciliations that nothing asks for, in milliseconds; four hours otherwise. */
  readonly reconcileEveryMs?: number;
  readonly answerMs?: number;
  readonly chunkBytes?: number;
  readonly onEvent?: (event: PhoneEvent) => void;
}

const PULL_EVERY_S = 60;
const RECONCILE_EVERY_MS = 4 * 3_600_000;
const SETTLING_MS = 300;
const BUSY_MS = 1_000;
const CHUNK_BYTES = 512 * 1024;

type Loop = "pulling" | "pushing" | "uploading";

export class Phone {
  readonly outbox: Outbox;
  readonly album: Album;
  readonly session: Session;
  private readonly clocks: Clocks;
  private readonly wakers = new Map<Loop, () => void>();
  /** Failed tries by file, so that one unlucky file does not hold up the others. */
  private readonly tries = new Map<string, number>();
  private readonly chunk: ChunkSize;
  /** At the start, after a full pull, and when a job misses a file that should be there. */
  private toReconcile = true;
  private reconciledAtMs = 0;

  private constructor(readonly storage: Storage, private readonly options: PhoneOptions) {
    this.clocks = options.clocks ?? { now: () => new Date() };
    this.outbox = new Outbox(storage, this.clocks);
    this.album = new Album(storage);
    this.chunk = new ChunkSize(options.chunkBytes ?? CHUNK_BYTES);
    this.session = new Session(storage, options);
  }

  /** The phone as it was left, or a new one. */
  static async open(options: PhoneOptions): Promise<Phone> {
    const phone = new Phone(await openStorage(options.storage), options);
    await phone.album.sweep();
    return phone;
  }

  /** Sign in; the storage is the person's from then on. Raises OtherOwner, Refused, Unreachable. */
  signIn(username: string, password: string, device: Device): Promise<void> {
    return this.session.signIn(username, password, device);
  }

  async isSignedIn(): Promise<boolean> {
    return (await kept(this.storage, "tokens")) !== undefined;
  }

  /** Keep an act; it is sent when there is a signal. */
  async say(saying: Saying, id?: string): Promise<Command> {
    const command = await this.outbox.say(saying, id);
    this.wake("pushing");
    return command;
  }

  /** Keep a file; it is uploaded when there is a signal. */
  async photograph(shot: Shot): Promise<KeptFile> {
    const file = await this.album.add(shot);
    this.wake("uploading");
    return file;
  }

  jobs(): Promise<Job[]> {
    return this.storage.getAll("jobs");
  }

  async crews(): Promise<Crew[]> {
    return (await kept(this.storage, "crews")) ?? [];
  }

  /** What the server wants to be shown until it no longer tells it. */
  async notices(): Promise<Notice[]> {
    return (await kept(this.storage, "notices")) ?? [];
  }

  /**
   * Files that the service opened and did not take, and that were not recorded again yet: each
   * wants a new one that `replaces` it.
   */
  async retakes(): Promise<Retake[]> {
    const files = (await this.album.all()).filter((file) => file.state !== "refused");
    return (await this.jobs()).flatMap(({ id, evidence }) => {
      // What was sent beside it will do only as long as no record names the rejected one.
      const counting = files.filter((file) => !file.beside || evidence.state === "none");
      const replaced = new Set(counting.map((file) => file.replaces));
      return evidence.rejected_files
        .filter(({ file_id }) => !replaced.has(file_id))
        .map(({ file_id, kind, why }) => ({ orderId: id, kind, replaces: file_id, why }));
    });
  }

  /** Refusals and conflicts that the owner has not seen. */
  unseen(): Promise<Said[]> {
    return this.outbox.unseen();
  }

  /** Phone minus server in milliseconds; undefined before any answer. */
  async skewMs(): Promise<number | undefined> {
    return skewMs((await kept(this.storage, "clock")) ?? []);
  }

  /** Ask that the browser keeps this phone's storage; false when it may clear it. */
  hold(): Promise<boolean> {
    return holdStorage();
  }

  /** A push came; its data's `push_id` is told to the service with the next pull. */
  async pushArrived(pushId: string): Promise<void> {
    await notePush(this.storage, pushId);
    this.wakeUp();
  }

  /** The signal is back: look now. */
  wakeUp(): void {
    for (const loop of ["pulling", "pushing", "uploading"] as const) this.wake(loop);
  }

  /** Carry everything for ever; ends when `signal` aborts or the sign-in has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      await Promise.all([
        this.loop("pulling", stop, () => this.pullAndReconcile()),
        this.loop("pushing", stop, () => this.pushOnce()),
        this.loop("uploading", stop, () => this.uploadOnce()),
      ]);
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  private async pullAndReconcile(): Promise<number> {
    const waitMs = await this.pullOnce();
    const everyMs = this.options.reconcileEveryMs ?? RECONCILE_EVERY_MS;
    const sinceMs = this.clocks.now().getTime() - this.reconciledAtMs;
    // A clock that was set back does not put it off.
    if (this.toReconcile || sinceMs < 0 || sinceMs >= everyMs) await this.reconcile();
    return Math.min(waitMs, everyMs);
  }

  /** One pull; how long to wait for the next, in milliseconds. */
  async pullOnce(): Promise<number> {
    const told = await pull(this.session, this.storage, this.clocks);
    const { changed, again, full } = told;
    this.toReconcile ||= full || (await this.album.believesStored(told.missingFiles));
    if (changed) this.tell({ kind: "changed" });
    if (again === "at once") return 0;
    if (again === "soon") return SETTLING_MS;
    const rules = await kept(this.storage, "rules");
    return this.options.pullEveryMs ?? (rules?.sync_every_s ?? PULL_EVERY_S) * 1000;
  }

  /** Send what waits; how long to wait for the next look, in milliseconds. */
  async pushOnce(): Promise<number> {
    const { answered, retry } = await push(this.session, this.outbox, this.clocks);
    if (answered > 0) this.tell({ kind: "answered", commands: answered });
    if (retry) throw new Unreachable("the service asked for patience");
    return Infinity;
  }

  /** Upload every file that waits, one after the other; how long to wait, in milliseconds. */
  async uploadOnce(): Promise<number> {
    const options = { baseUrl: this.options.baseUrl, chunk: this.chunk };
    const failures = (file: KeptFile) => this.tries.get(file.id) ?? 0;
    let busy = false;
    for (const file of (await this.album.waiting()).sort((a, b) => failures(a) - failures(b))) {
      this.tries.set(file.id, failures(file) + 1);
      const came = await upload(this.session, this.album, file, options);
      if (came !== "busy") this.tries.delete(file.id);
      if (came === "stored") this.tell({ kind: "stored", file: file.id });
      if (came === "refused") await this.tellRefused(file.id);
      busy ||= came === "busy";
    }
    return busy ? BUSY_MS : Infinity;
  }

  private async tellRefused(file: string): Promise<void> {
    const problem = (await this.album.get(file))?.refusedWhy ?? "";
    this.tell({ kind: "file refused", file, problem });
  }

  /**
   * Ask the server what it has of all that this phone holds; what is missing is sent again.
   * Best at the end of a shift, and before the app is removed.
   */
  async reconcile(): Promise<Reconciled> {
    const { session, storage, outbox, album, clocks } = this;
    this.toReconcile = false;
    this.reconciledAtMs = clocks.now().getTime();
    try {
      const found = await reconcile(session, storage, outbox, album, clocks);
      const { complete, sentAgain } = found;
      this.tell({ kind: "reconciled", complete, sentAgain });
      if (sentAgain > 0) this.wakeUp();
      return found;
    } catch (error) {
      // What the service will not answer is asked again in its time, not at once.
      this.toReconcile = !(error instanceof Refused);
      throw error;
    }
  }

  private async loop(
    name: Loop, stop: AbortController, once: () => Promise<number>,
  ): Promise<void> {
    const backoff = new Backoff(this.options.backoff);
    while (!stop.signal.aborted) {
      const woken = new Promise<void>((wake) => this.wakers.set(name, wake));
      let waitMs: number;
      try {
        waitMs = await once();
        backoff.succeeded();
      } catch (error) {
        waitMs = this.after(error, backoff, stop);
      }
      await pause(Math.min(waitMs, 2 ** 31 - 1), stop.signal, woken);
    }
  }

  /** What a failed round means; raises what is a mistake of ours. */
  private after(error: unknown, backoff: Backoff, stop: AbortController): number {
    if (error instanceof SignedOut) {
      this.tell({ kind: "signed out" });
      stop.abort();
      return 0;
    }
    if (error instanceof Refused) {
      this.tell({ kind: "refused", problem: error.problem.type });
      return backoff.failed(BUSY_MS);
    }
    if (error instanceof DOMException) {
      this.tell({ kind: "storage failed", problem: error.name });
      return backoff.failed(BUSY_MS);
    }
    if (!(error instanceof Unreachable)) {
      stop.abort();
      throw error;
    }
    const waitMs = backoff.failed(error.waitMs);
    this.tell({ kind: "unreachable", waitMs });
    return waitMs;
  }

  private wake(loop: Loop): void {
    this.wakers.get(loop)?.();
  }

  private tell(event: PhoneEvent): void {
    this.options.onEvent?.(event);
  }
}
