/**
 * Upload of one file by tus 1.0 (https://tus.io/protocols/resumable-upload): the server's offset
 * is the truth, so a torn line costs at most what was under way.
 */
import type { Album } from "./album.js";
import { checksum } from "./album.js";
import { Refused, Unreachable } from "./errors.js";
import type { Session } from "./session.js";
import type { KeptFile } from "./storage.js";

const TUS = { "Tus-Resumable": "1.0.0" } as const;
const PATH = "/api/v1/evidence/uploads";
/** Resumable answers: the offset moved, another request writes, or the chunk was garbled. */
const ASK_AGAIN = new Set([409, 423, 460]);
/** At the creation of an upload. */
const TAKEN = 409;
/** After these the file itself, or the right to send it, is what is wrong. */
const FINAL = new Set([400, 403, 404, 410, 413, 415, 422]);

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
  try {
    let offset = await create(session, file, options);
    while (offset < file.size_bytes) {
      const before = offset;
      offset = await sendChunk(session, album, file, offset, options);
      if (offset === before) return "busy";
    }
    await album.stored(file.id);
    return "stored";
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (!(error instanceof NotThisFile) && !FINAL.has(error.status)) throw error;
    await album.refused(file.id, error.problem.type);
    return "refused";
  }
}

/** The id belongs to other bytes: asking again changes nothing. */
class NotThisFile extends Refused {
  constructor({ status, problem }: Refused) {
    super(status, problem);
  }
}

/** Open the upload or find it again: the id is the phone's, so a lost answer does no harm. */
async function create(session: Session, file: KeptFile, options: UploadOptions): Promise<number> {
  const headers = {
    ...TUS,
    "Upload-Length": String(file.size_bytes),
    "Upload-Metadata": metadata(file),
  };
  const asked = new Request(options.baseUrl + PATH, { method: "POST", headers });
  try {
    return offsetOf(await session.request(asked));
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== TAKEN) throw error;
    throw new NotThisFile(error);
  }
}

async function sendChunk(
  session: Session, album: Album, file: KeptFile, offset: number, options: UploadOptions,
): Promise<number> {
  const body = await album.read(file.id, offset, options.chunk.bytes);
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
    if (!(error instanceof Refused) || !ASK_AGAIN.has(error.status)) throw error;
    return standing(session, url);
  }
}

async function standing(session: Session, url: string): Promise<number> {
  return offsetOf(await session.request(new Request(url, { method: "HEAD", headers: TUS })));
}

function offsetOf(answer: Response): number {
  const offset = Number.parseInt(answer.headers.get("upload-offset") ?? "", 10);
  if (Number.isNaN(offset)) throw new Unreachable("the answer names no offset");
  return offset;
}

/** Only ASCII stands in these values: ids, letters, hashes, types and times. */
function metadata(file: KeptFile): string {
  const told = {
    order_id: file.order_id,
    file_id: file.id,
    kind: file.kind,
    sha256: file.sha256,
    filetype: file.media_type,
    captured_at: file.captured_at,
  };
  return Object.entries(told).map(([key, value]) => `${key} ${btoa(value)}`).join(",");
}
