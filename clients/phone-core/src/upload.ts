/**
 * Upload of one file by tus 1.0 (https://tus.io/protocols/resumable-upload): the server's offset
 * is the truth, so a torn line costs at most what was under way.
 */
import { checksum, DAMAGED, type Album } from "./album.js";
import { nameOf, Refused, Unreachable } from "./errors.js";
import type { Session } from "./session.js";
import type { KeptFile } from "./storage.js";

const TUS = { "Tus-Resumable": "1.0.0" } as const;
const PATH = "/api/v1/evidence/uploads";
/** Resumable answers: the offset moved, another request writes, or the chunk was garbled. */
const ASK_AGAIN = new Set([409, 423, 460]);
/** Said by the service: the file itself, or the right to send it, is what is wrong. */
const FINAL = new Set([
  "evidence-differs", "evidence-hash-differs", "evidence-kind-mismatch",
  "evidence-not-what-it-claims", "evidence-rejected", "evidence-too-large", "not-found",
  "order-quota", "replacement-invalid", "upload-gone", "upload-media-type",
  "upload-metadata-invalid", "upload-too-long",
]);
const METADATA_INVALID = "upload-metadata-invalid";
const NOT_REPLACED = "replacement-invalid";
/**
 * These may pass when the upload is created again: an expired one, garbled bytes, foolish extras,
 * a file that takes the place of one that the record does not name.
 */
const ONCE_MORE = new Set(["evidence-hash-differs", "not-found", METADATA_INVALID, NOT_REPLACED]);
/** Not the file but the chunk is too large, for the service or for a hop on the way. */
const TOO_LARGE = 413;

export interface UploadOptions {
  readonly baseUrl: string;
  readonly chunk: ChunkSize;
}

/** On the worst of lines a chunk this small still arrives. */
const LEAST_CHUNK_BYTES = 16 * 1024;

/** How much is sent at once: halved by a torn line, doubled again by what arrives. */
export class ChunkSize {
  bytes: number;

  constructor(private readonly most: number) {
    this.bytes = most;
  }

  torn(): void {
    const least = Math.min(LEAST_CHUNK_BYTES, this.most);
    this.bytes = Math.max(least, Math.floor(this.bytes / 2));
  }

  arrived(): void {
    this.bytes = Math.min(this.most, this.bytes * 2);
  }
}

/** What a try came to. */
export type Uploaded = "stored" | "busy" | "refused";

/**
 * Send one file from where the server stands. Raises Unreachable when the line is torn: ask
 * again later, nothing that arrived is sent twice. `refused` is noted in the album with its why.
 */
export async function upload(
  session: Session, album: Album, file: KeptFile, options: UploadOptions,
): Promise<Uploaded> {
  const tried = new Set<string>();
  for (;;) {
    try {
      return await sendOn(session, album, file, options, tried);
    } catch (error) {
      if (error instanceof Damaged) return await giveUp(album, file, DAMAGED);
      const name = error instanceof Refused ? nameOf(error.problem) : undefined;
      if (name === undefined || !FINAL.has(name)) throw error;
      if (!ONCE_MORE.has(name) || tried.has(name)) {
        return await giveUp(album, file, (error as Refused).problem.type);
      }
      tried.add(name);
      if (name === NOT_REPLACED) await album.beside(file.id);
    }
  }
}

/** The bytes are not on the disk any more. */
class Damaged extends Error {}

async function giveUp(album: Album, file: KeptFile, why: string): Promise<Uploaded> {
  await album.refused(file.id, why);
  return "refused";
}

async function sendOn(
  session: Session, album: Album, file: KeptFile, options: UploadOptions,
  tried: ReadonlySet<string>,
): Promise<Uploaded> {
  let offset = await create(session, file, options, tried);
  while (offset < file.size_bytes) {
    const before = offset;
    offset = await sendChunk(session, album, file, offset, options);
    if (offset === before) return "busy";
  }
  await album.stored(file.id);
  return "stored";
}

/** Open the upload or find it again: the id is the phone's, so a lost answer does no harm. */
async function create(
  session: Session, file: KeptFile, options: UploadOptions, tried: ReadonlySet<string>,
): Promise<number> {
  const headers = {
    ...TUS,
    "Upload-Length": String(file.size_bytes),
    "Upload-Metadata": metadata(file, tried),
  };
  const asked = new Request(options.baseUrl + PATH, { method: "POST", headers });
  return offsetOf(await session.request(asked));
}

async function sendChunk(
  session: Session, album: Album, file: KeptFile, offset: number, options: UploadOptions,
): Promise<number> {
  const body = await album.read(file.id, offset, options.chunk.bytes);
  if (body.byteLength === 0) throw new Damaged();
  const headers = {
    ...TUS,
    "Content-Type": "application/offset+octet-stream",
    "Upload-Offset": String(offset),
    "Upload-Checksum": `sha256 ${await checksum(body)}`,
  };
  const url = `${options.baseUrl}${PATH}/${file.id}`;
  try {
    const answer = await session.request(new Request(url, { method: "PATCH", headers, body }));
    options.chunk.arrived();
    return offsetOf(answer);
  } catch (error) {
    // One that asks for patience got the chunk: the line is not what is wrong.
    if (error instanceof Unreachable && error.waitMs === undefined) options.chunk.torn();
    if (error instanceof Refused && isChunkTooLarge(error)) {
      options.chunk.torn();
      throw new Unreachable("the chunk is too large", undefined, { cause: error });
    }
    if (!(error instanceof Refused) || !ASK_AGAIN.has(error.status)) throw error;
    return standing(session, url);
  }
}

function isChunkTooLarge({ status, problem }: Refused): boolean {
  return status === TOO_LARGE && !FINAL.has(nameOf(problem) ?? "");
}

async function standing(session: Session, url: string): Promise<number> {
  return offsetOf(await session.request(new Request(url, { method: "HEAD", headers: TUS })));
}

function offsetOf(answer: Response): number {
  const offset = Number.parseInt(answer.headers.get("upload-offset") ?? "", 10);
  if (Number.isNaN(offset)) throw new Unreachable("the answer names no offset");
  return offset;
}

/**
 * Only ASCII stands in these values: ids, letters, hashes, types, times and numbers. Left out is
 * what the service could do without, when it could not read it.
 */
function metadata(file: KeptFile, tried: ReadonlySet<string>): string {
  const { captured_at, captured_lon, captured_lat, datum, source } = file;
  const told = {
    order_id: file.order_id,
    file_id: file.id,
    kind: file.kind,
    sha256: file.sha256,
    filetype: file.media_type,
    replaces: file.beside || tried.has(NOT_REPLACED) ? undefined : file.replaces,
    ...(!tried.has(METADATA_INVALID) && { captured_at, captured_lon, captured_lat, datum, source }),
  };
  const pairs = Object.entries(told).filter(([, value]) => value !== undefined);
  return pairs.map(([key, value]) => `${key} ${btoa(String(value))}`).join(",");
}
