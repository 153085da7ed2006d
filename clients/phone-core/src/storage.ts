/**
 * What the phone keeps, in IndexedDB. Everything that must survive a kill is written with
 * `durability: "strict"`: the promise resolves when it is on the disk.
 */
import { openDB, type DBSchema, type IDBPDatabase, type StoreNames } from "idb";
import type { ClockSample } from "./clock.js";
import type {
  Catalogue, Command, CommandAnswer, Crew, Device, Job, Notice, PhoneRules, Problem, Shift,
  Tokens,
} from "./wire.js";

/** A command from the moment it was said; kept after its answer until the server confirmed it. */
export interface Said {
  readonly device_seq: number;
  readonly id: string;
  readonly command: Command;
  state: "waiting" | "answered" | "given up";
  answer?: CommandAnswer;
  /** Why it was given up: the server cannot read it, or it is too large. */
  problem?: Problem;
  /** The owner has read a refusal or a conflict. */
  seen?: boolean;
}

/** The maps of Chinese phones show `gcj02` or `bd09`. */
export type Datum = "wgs84" | "gcj02" | "bd09";
export type Source = "camera" | "gallery";

/**
 * A picture, signature or recording. `waiting`: to be uploaded. `stored`: the server has it.
 * `released`: it confirmed so by its manifest, and the bytes were given up; the entry stays, for
 * a completion record may still name it. `refused`: it will never be taken; the bytes stay.
 */
export interface KeptFile {
  readonly id: string;
  readonly order_id: string;
  readonly kind: string;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly captured_at: string;
  /** Where it was taken, in the coordinates of `datum` (`wgs84` unless said). */
  readonly captured_lon?: number;
  readonly captured_lat?: number;
  readonly datum?: Datum;
  readonly source?: Source;
  /** The file of the record that was opened and not taken, and whose place this one takes. */
  readonly replaces?: string;
  /** The record did not name that one (yet): this file was sent beside it. */
  beside?: true;
  state: "waiting" | "stored" | "released" | "refused";
  /** Type of the problem that the server told, or `damaged`: the bytes are no longer here. */
  refusedWhy?: string;
}

/** Who the storage belongs to: the person, and the name they signed in with. */
export interface Owner {
  readonly id: string;
  readonly username: string;
}

/** Single values, each under its own key. */
export interface Keep {
  device: Device;
  next_seq: number;
  tokens: Tokens;
  owner: Owner;
  /** Pushes that came, told with the next pull. */
  pushes: string[];
  cursor: string;
  etag: string;
  clock: ClockSample[];
  crews: Crew[];
  shifts: Shift[];
  notices: Notice[];
  catalogue: Catalogue;
  rules: PhoneRules;
}

export interface PhoneSchema extends DBSchema {
  keep: { key: keyof Keep; value: Keep[keyof Keep] };
  jobs: { key: string; value: Job };
  commands: {
    key: number;
    value: Said;
    indexes: { by_id: string; by_state: [string, number] };
  };
  files: { key: string; value: KeptFile; indexes: { by_state: string } };
  pieces: { key: [string, number]; value: Uint8Array };
}

export type Storage = IDBPDatabase<PhoneSchema>;
export type Store = StoreNames<PhoneSchema>;

export const STRICT = { durability: "strict" } as const;

/**
 * Open the phone's storage, made when it is missing. It gives way to a newer version of the app
 * that opens it beside this one.
 */
export function openStorage(name: string): Promise<Storage> {
  return openDB<PhoneSchema>(name, 1, {
    blocking: (_mine, _wanted, event) => (event.target as IDBDatabase).close(),
    upgrade(db) {
      db.createObjectStore("keep");
      db.createObjectStore("jobs", { keyPath: "id" });
      const commands = db.createObjectStore("commands", { keyPath: "device_seq" });
      commands.createIndex("by_id", "id", { unique: true });
      commands.createIndex("by_state", ["state", "device_seq"]);
      db.createObjectStore("files", { keyPath: "id" }).createIndex("by_state", "state");
      db.createObjectStore("pieces");
    },
  });
}

/** One kept value, or undefined. */
export async function kept<K extends keyof Keep>(
  storage: Storage, key: K,
): Promise<Keep[K] | undefined> {
  return (await storage.get("keep", key)) as Keep[K] | undefined;
}

/** Keep one value; resolves when it is on the disk. */
export async function keep<K extends keyof Keep>(
  storage: Storage, key: K, value: Keep[K],
): Promise<void> {
  const writing = storage.transaction("keep", "readwrite", STRICT);
  await Promise.all([writing.store.put(value, key), writing.done]);
}

/**
 * Ask the browser never to clear this storage when space runs short: work that was not sent yet
 * lies in it. False when it does not promise so; then the shell should warn its owner.
 */
export async function holdStorage(): Promise<boolean> {
  const manager = globalThis.navigator?.storage;
  if (manager?.persist === undefined) return false;
  return (await manager.persisted()) || manager.persist();
}
