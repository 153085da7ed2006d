/**
 * A technician's phone without its screen: what the owner says and photographs is on the disk
 * before anything else, and three loops carry it to the service whenever there is a signal.
 */
import { Album, type Shot } from "./album.js";
import { Backoff, pause, type BackoffOptions } from "./backoff.js";
import { skewMs, type Clocks } from "./clock.js";
import { Refused, SignedOut, Unreachable } from "./errors.js";
import { Outbox } from "./outbox.js";
import { push } from "./push.js";
import { reconcile, type Reconciled } from "./reconcile.js";
import { Session } from "./session.js";
import { holdStorage, kept, openStorage, type KeptFile, type Said, type Storage } from "./storage.js";
import { pull } from "./sync.js";
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
  readonly answerMs?: number;
  readonly chunkBytes?: number;
  readonly onEvent?: (event: PhoneEvent) => void;
}

/** What a screen may want to hear of. */
export type PhoneEvent =
  | { readonly kind: "changed" }
  | { readonly kind: "answered"; readonly commands: number }
  | { readonly kind: "stored"; readonly file: string }
  | { readonly kind: "file refused"; readonly file: string; readonly problem: string }
  | { readonly kind: "unreachable"; readonly waitMs: number }
  | { readonly kind: "refused"; readonly problem: string }
  | { readonly kind: "signed out" };

const PULL_EVERY_S = 60;
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
  /** Before the first pull, and after a full one: the server may have been restored. */
  private toReconcile = true;

  private constructor(readonly storage: Storage, private readonly options: PhoneOptions) {
    this.clocks = options.clocks ?? { now: () => new Date() };
    this.outbox = new Outbox(storage, this.clocks);
    this.album = new Album(storage);
    this.chunk = new ChunkSize(options.chunkBytes ?? CHUNK_BYTES);
    this.session = new Session(storage, options);
  }

  /** The phone as it was left, or a new one. */
  static async open(options: PhoneOptions): Promise<Phone> {
    return new Phone(await openStorage(options.storage), options);
  }

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

  /** A push came, or the signal is back: look now. */
  wakeUp(): void {
    for (const loop of ["pulling", "pushing", "uploading"] as const) this.wake(loop);
  }

  /** Carry everything for ever; ends when `signal` aborts or the sign-in has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    await Promise.all([
      this.loop("pulling", stop, () => this.pullAndReconcile()),
      this.loop("pushing", stop, () => this.pushOnce()),
      this.loop("uploading", stop, () => this.uploadOnce()),
    ]);
    signal.removeEventListener("abort", end);
  }

  private async pullAndReconcile(): Promise<number> {
    const waitMs = await this.pullOnce();
    if (this.toReconcile) {
      await this.reconcile();
      this.toReconcile = false;
    }
    return waitMs;
  }

  /** One pull; how long to wait for the next, in milliseconds. */
  async pullOnce(): Promise<number> {
    const { changed, again, full } = await pull(this.session, this.storage, this.clocks);
    this.toReconcile ||= full;
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
    const found = await reconcile(session, storage, outbox, album, clocks);
    if (found.sentAgain > 0) this.wakeUp();
    return found;
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
