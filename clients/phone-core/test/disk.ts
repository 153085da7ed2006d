/**
 * IndexedDB under Node whose committed transactions are on the disk: a journal beside
 * fake-indexeddb. A process that is killed finds at the next start what was committed, no more.
 */
import "fake-indexeddb/auto";
import {
  closeSync, existsSync, fdatasyncSync, openSync, readFileSync, truncateSync, writeSync,
} from "node:fs";
import { deserialize, serialize } from "node:v8";
import { openStorage } from "../src/storage.js";

interface Written {
  readonly store: string;
  readonly how: "put" | "add" | "delete" | "clear";
  readonly said: unknown[];
}

type Methods = Record<string, (...said: unknown[]) => unknown>;

const HEAD_BYTES = 4;
const HOWS = ["put", "add", "delete", "clear"] as const;
const pending = new WeakMap<object, Written[]>();
let journal: number | undefined;

/** Make the storage `name` what the journal at `path` says, and go on writing it. */
export async function openDisk(path: string, name: string): Promise<void> {
  patch();
  const storage = await openStorage(name);
  const { records, end } = committed(existsSync(path) ? readFileSync(path) : Buffer.alloc(0));
  for (const written of records) {
    const stores = [...new Set(written.map((each) => each.store))];
    const again = storage.transaction(stores as never[], "readwrite");
    for (const { store, how, said } of written) {
      const target = again.objectStore(store as never) as unknown as Methods;
      void target[how === "add" ? "put" : how]!(...said.map(revived));
    }
    await again.done;
  }
  storage.close();
  if (existsSync(path)) truncateSync(path, end);
  journal = openSync(path, "a");
}

/** Stop writing; what follows is lost, as after a kill. */
export function closeDisk(): void {
  if (journal !== undefined) closeSync(journal);
  journal = undefined;
}

/** Whole records of the journal; a torn last one was never reported as committed. */
function committed(bytes: Buffer): { records: Written[][]; end: number } {
  const records: Written[][] = [];
  let end = 0;
  while (end + HEAD_BYTES <= bytes.length) {
    const next = end + HEAD_BYTES + bytes.readUInt32LE(end);
    if (next > bytes.length) break;
    records.push(deserialize(bytes.subarray(end + HEAD_BYTES, next)) as Written[]);
    end = next;
  }
  return { records, end };
}

let patched = false;

function patch(): void {
  if (patched) return;
  patched = true;
  const stores = IDBObjectStore.prototype as unknown as Methods;
  for (const how of HOWS) {
    const original = stores[how]!;
    stores[how] = function (this: IDBObjectStore, ...said: unknown[]) {
      const request: unknown = original.apply(this, said);
      if (journal !== undefined) {
        noted(this.transaction).push({ store: this.name, how, said: said.map(plain) });
      }
      return request;
    };
  }
}

/** What a transaction wrote so far; the first call arranges that its end writes the journal. */
function noted(transaction: IDBTransaction): Written[] {
  let written = pending.get(transaction);
  if (written === undefined) {
    const fresh: Written[] = (written = []);
    pending.set(transaction, fresh);
    // Registered at the first write, long before whoever awaits the end of the transaction.
    transaction.addEventListener("complete", () => append(fresh));
  }
  return written;
}

function append(written: readonly Written[]): void {
  if (journal === undefined) return;
  const body = serialize(written);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(body.length);
  writeSync(journal, Buffer.concat([head, body]));
  fdatasyncSync(journal);
}

function plain(said: unknown): unknown {
  return said instanceof IDBKeyRange ? { range: [said.lower, said.upper] as unknown[] } : said;
}

function revived(said: unknown): unknown {
  const borders = (said as { range?: [IDBValidKey, IDBValidKey] } | undefined)?.range;
  return borders === undefined ? said : IDBKeyRange.bound(...borders);
}
