/**
 * Files as the phone holds them: named and hashed once, kept in pieces, so that neither a video
 * nor a broken blob store (WebKit loses blobs behind IndexedDB) costs the whole file.
 */
import { STRICT, type KeptFile, type Storage } from "./storage.js";

export const PIECE_BYTES = 256 * 1024;

/** What the camera says about a file. */
export interface Shot {
  readonly id?: string;
  readonly orderId: string;
  /** The letter of what it shows, e.g. B before, F after. */
  readonly kind: string;
  readonly mediaType: string;
  readonly capturedAt: Date;
  readonly content: Blob | Uint8Array;
}

export class Album {
  constructor(private readonly storage: Storage) {}

  /** Keep a file; resolves when all of it is on the disk. */
  async add(shot: Shot): Promise<KeptFile> {
    const bytes = await bytesOf(shot.content);
    const file: KeptFile = {
      id: shot.id ?? crypto.randomUUID(),
      order_id: shot.orderId,
      kind: shot.kind,
      media_type: shot.mediaType,
      size_bytes: bytes.byteLength,
      sha256: await sha256(bytes),
      captured_at: shot.capturedAt.toISOString(),
      state: "waiting",
    };
    const writing = this.storage.transaction(["files", "pieces"], "readwrite", STRICT);
    void writing.objectStore("files").add(file);
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.slice(at, at + PIECE_BYTES);
      void writing.objectStore("pieces").put(piece, [file.id, at / PIECE_BYTES]);
    }
    await writing.done;
    return file;
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

  /** The server has the file; its bytes stay until `release`. */
  stored(id: string): Promise<void> {
    return this.change(id, (file) => ({ ...file, state: "stored" }));
  }

  /** The server will never take this file as it is. */
  refused(id: string, why: string): Promise<void> {
    return this.change(id, (file) => ({ ...file, state: "refused", refusedWhy: why }));
  }

  /**
   * The server says that it does not have it: upload it again, from where it stands there.
   * False when the bytes were given up.
   */
  async sendAgain(id: string): Promise<boolean> {
    const file = await this.get(id);
    if (file === undefined || file.state === "released") return false;
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

async function bytesOf(content: Blob | Uint8Array): Promise<Uint8Array> {
  return content instanceof Uint8Array ? content : new Uint8Array(await content.arrayBuffer());
}

/** SHA-256 in lower-case hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  return hex(await digest(bytes));
}

/** SHA-256 in base64, as tus wants its checksums. */
export async function checksum(bytes: Uint8Array): Promise<string> {
  return btoa(String.fromCharCode(...(await digest(bytes))));
}

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
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
