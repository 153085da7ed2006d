/**
 * Files as the phone holds them: named and hashed once, kept in pieces, so that neither a video
 * nor a broken blob store (WebKit loses blobs behind IndexedDB) costs the whole file.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { STRICT, type Datum, type KeptFile, type Source, type Storage } from "./storage.js";

export const PIECE_BYTES = 256 * 1024;
/** So many pieces are in memory, and in one transaction, at once. */
const PIECES_AT_ONCE = 16;
/** Why a file was given up whose bytes are no longer on the disk. */
export const DAMAGED = "damaged";

/** What the camera says about a file. */
export interface Shot {
  readonly id?: string;
  readonly orderId: string;
  /** The letter of what it shows, e.g. B before, F after. */
  readonly kind: string;
  readonly mediaType: string;
  readonly capturedAt: Date;
  readonly content: Blob | Uint8Array;
  /** Where the phone was; `datum` is `wgs84` unless said. */
  readonly place?: { readonly lon: number; readonly lat: number; readonly datum?: Datum };
  readonly source?: Source;
  /** The rejected file of the record whose place this one takes: see `Phone.retakes`. */
  readonly replaces?: string;
}

export class Album {
  constructor(private readonly storage: Storage) {}

  /**
   * Keep a file; resolves when all of it is on the disk. It is read and hashed piece by piece, so
   * that a long video needs no more memory than a photo. Raises RangeError for an empty file.
   */
  async add(shot: Shot): Promise<KeptFile> {
    const { content, id = crypto.randomUUID() } = shot;
    const size = content instanceof Blob ? content.size : content.byteLength;
    if (size === 0) throw new RangeError("an empty file shows nothing");
    if ((await this.get(id)) !== undefined) throw new RangeError("this file is kept already");
    const hash = sha256.create();
    try {
      for (let first = 0; ; first += PIECES_AT_ONCE) {
        const pieces = await cut(content, first * PIECE_BYTES);
        for (const piece of pieces) hash.update(piece);
        const last = (first + PIECES_AT_ONCE) * PIECE_BYTES >= size;
        const file = last ? described(shot, id, size, hex(hash.digest())) : undefined;
        await this.write(id, first, pieces, file);
        if (file !== undefined) return file;
      }
    } catch (error) {
      // What a broken storage keeps of it goes at the next start.
      await this.sweep([id]).catch(() => undefined);
      throw error;
    }
  }

  /** Pieces, and with the last of them the file that they make: without it they are nothing. */
  private async write(
    id: string, first: number, pieces: readonly Uint8Array[], file?: KeptFile,
  ): Promise<void> {
    const writing = this.storage.transaction(["files", "pieces"], "readwrite", STRICT);
    const kept = writing.objectStore("pieces");
    await Promise.all([
      ...pieces.map((piece, at) => kept.put(piece, [id, first + at])),
      ...(file === undefined ? [] : [writing.objectStore("files").add(file)]),
      writing.done,
    ]);
  }

  /** Remove pieces of files that were never whole; without ids, of all that a kill left behind. */
  async sweep(ids?: readonly string[]): Promise<void> {
    const keys = ids === undefined ? await this.storage.getAllKeys("pieces") : [];
    const writing = this.storage.transaction(["files", "pieces"], "readwrite", STRICT);
    for (const id of new Set(ids ?? keys.map(([file]) => file))) {
      if ((await writing.objectStore("files").count(id)) > 0) continue;
      await writing.objectStore("pieces").delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
    }
    await writing.done;
  }

  /** Bytes from `offset` up to the next border of pieces, at most `atMost`. */
  async read(id: string, offset: number, atMost: number): Promise<Uint8Array<ArrayBuffer>> {
    const wanted: Uint8Array[] = [];
    let found = 0;
    for (let at = offset; found < atMost; ) {
      const piece = await this.storage.get("pieces", [id, Math.floor(at / PIECE_BYTES)]);
      const part = piece?.subarray(at % PIECE_BYTES, (at % PIECE_BYTES) + atMost - found);
      if (part === undefined || part.byteLength === 0) break;
      wanted.push(part);
      found += part.byteLength;
      at += part.byteLength;
    }
    return joined(wanted, found);
  }

  waiting(): Promise<KeptFile[]> {
    return this.storage.getAllFromIndex("files", "by_state", "waiting");
  }

  all(): Promise<KeptFile[]> {
    return this.storage.getAll("files");
  }

  get(id: string): Promise<KeptFile | undefined> {
    return this.storage.get("files", id);
  }

  /** Whether one of these was sent, or refused, by what this phone knows. */
  async believesStored(ids: readonly string[]): Promise<boolean> {
    const files = await Promise.all(ids.map((id) => this.get(id)));
    return files.some((file) => file?.state === "stored" || file?.state === "refused");
  }

  /** The server has the file; its bytes stay until `release`. */
  stored(id: string): Promise<void> {
    return this.change(id, (file) => ({ ...file, state: "stored" }));
  }

  /** The server will never take this file as it is. */
  refused(id: string, why: string): Promise<void> {
    return this.change(id, (file) => ({ ...file, state: "refused", refusedWhy: why }));
  }

  /** The record does not name what it was to replace: it counts for itself. */
  beside(id: string): Promise<void> {
    return this.change(id, (file) => ({ ...file, beside: true }));
  }

  /**
   * The server says that it does not have it: upload it again, from where it stands there.
   * False when the bytes were given up, or are damaged.
   */
  async sendAgain(id: string): Promise<boolean> {
    const file = await this.get(id);
    if (file === undefined || file.state === "released") return false;
    if (file.refusedWhy === DAMAGED) return false;
    await this.change(id, ({ refusedWhy: _forgotten, ...bare }) => ({ ...bare, state: "waiting" }));
    return true;
  }

  /** Give up the bytes of a file that the server confirmed to hold, byte for byte. */
  async release(id: string): Promise<void> {
    const writing = this.storage.transaction(["files", "pieces"], "readwrite", STRICT);
    const file = await writing.objectStore("files").get(id);
    if (file !== undefined) await writing.objectStore("files").put({ ...file, state: "released" });
    await writing.objectStore("pieces").delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
    await writing.done;
  }

  /** Forget a released file: its order is no job of this phone any more. */
  async forget(id: string): Promise<void> {
    await this.storage.delete("files", id);
  }

  private async change(id: string, how: (file: KeptFile) => KeptFile): Promise<void> {
    const writing = this.storage.transaction("files", "readwrite", STRICT);
    const file = await writing.store.get(id);
    if (file !== undefined) await writing.store.put(how(file));
    await writing.done;
  }
}

/** The next pieces from `offset` on. */
async function cut(content: Blob | Uint8Array, offset: number): Promise<Uint8Array[]> {
  const end = offset + PIECES_AT_ONCE * PIECE_BYTES;
  const bytes = content instanceof Blob
    ? new Uint8Array(await content.slice(offset, end).arrayBuffer())
    : content.subarray(offset, end);
  const count = Math.ceil(bytes.byteLength / PIECE_BYTES);
  return Array.from({ length: count }, (_, at) =>
    new Uint8Array(bytes.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES)),
  );
}

function described(shot: Shot, id: string, size_bytes: number, hash: string): KeptFile {
  const { place, source, replaces } = shot;
  return {
    id,
    order_id: shot.orderId,
    kind: shot.kind,
    media_type: shot.mediaType,
    size_bytes,
    sha256: hash,
    captured_at: shot.capturedAt.toISOString(),
    ...(place && { captured_lon: place.lon, captured_lat: place.lat }),
    ...(place?.datum && { datum: place.datum }),
    ...(source && { source }),
    ...(replaces !== undefined && { replaces }),
    state: "waiting",
  };
}

/** SHA-256 of a chunk in base64, as tus wants its checksums. */
export async function checksum(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
