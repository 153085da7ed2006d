/** As much of the service as the core's tests need, without a network. */
import type { Command } from "../src/index.js";
import type { Told } from "../src/manifest.js";

interface Gap {
  readonly first: number;
  readonly last: number;
}

interface Manifest {
  readonly commands: readonly { id: string }[];
  readonly files: readonly { id: string }[];
  readonly page?: number;
  readonly of?: number;
}

/** An answer to a reconciliation in which all is as it should be. */
export function nothingWrong(): Told {
  return {
    orders: { same: 0, missing: [], gone: [], differing: [] },
    commands: {
      applied: 0, refused: [], conflicts: [], missing: [], differing: [], unlisted: 0,
      last_seq: 0, gaps: [],
    },
    files: { verified: 0, missing: [], partial: [], rejected: [], differing: [], unlisted: [] },
  };
}

/** The type of a problem as the service names it. */
export const urn = (name: string) => `urn:paigong:problem:${name}`;

/** An answer of the service itself that refuses. */
export function refusal(status: number, name: string, more: object = {}): Response {
  return Response.json({ type: urn(name), title: name, status, ...more }, { status });
}

export class Service {
  commands: Command[] = [];
  outcome: "applied" | "conflict" = "applied";
  gaps: Gap[] = [];
  lost: number[] = [];
  readonly bytes = new Map<string, Uint8Array>();
  chunks = 0;
  readonly sizes: number[] = [];
  working: Record<string, unknown> | undefined = { mode: "full", jobs: [], gone: [] };
  lastCursor: string | null = null;
  refreshes = 0;
  reconciled = 0;
  /** What the next reconciliations find. */
  told: Told = nothingWrong();
  /** The bodies of reconciliations. */
  readonly manifests: Manifest[] = [];
  /** Who signs in, by name. */
  readonly people: Record<string, string> = { tech: "u1" };
  /** The devices of sign-ins that have not ended: null for one without. */
  readonly signIns: (string | null)[] = [];
  /** `Pushes-Arrived` of the pulls. */
  readonly pushes: (string | null)[] = [];
  readonly metadata: Record<string, string>[] = [];
  /** Asked before all else; an answer of its own is what the phone gets. */
  intercept: (request: Request) => Response | undefined = () => undefined;
  /** A batch with a command of this order is more than the service can read. */
  unreadable: string | undefined;
  /** An upload of this id is somebody else's. */
  taken: string | undefined;
  /** Called before a reconciliation is answered. */
  onReconcile: () => Promise<unknown> = async () => {};
  /** Called before each pull is answered. */
  onPull: () => void = () => {};
  private pulls = 0;
  private valid = "access-0";
  private whose = "u1";
  private losing: string | undefined;

  /** Do what the next request to this path asks, and lose the answer. */
  loseNextAnswer(path: string): void {
    this.losing = path;
  }

  expireTokens(): void {
    this.valid = "access-1";
  }

  readonly fetch = (async (input: Request | string | URL) => {
    const request = input as Request;
    const { pathname, searchParams } = new URL(request.url);
    const answer =
      this.intercept(request) ?? (await this.answer(request, pathname, searchParams));
    if (this.losing === undefined || !pathname.includes(this.losing)) return answer;
    this.losing = undefined;
    throw new TypeError("the line is torn");
  }) as typeof fetch;

  private async answer(request: Request, path: string, query: URLSearchParams): Promise<Response> {
    if (path.endsWith("/auth/login")) return this.signIn(await request.json());
    if (path.endsWith("/auth/refresh")) {
      this.refreshes += 1;
      return Response.json(this.tokens(this.valid));
    }
    if (request.headers.get("authorization") !== `Bearer ${this.valid}`) {
      return refusal(401, "unauthenticated");
    }
    if (path.endsWith("/auth/logout")) {
      this.signIns.pop();
      return new Response(null, { status: 204 });
    }
    if (path.endsWith("/me")) return Response.json({ id: this.whose });
    if (path.endsWith("/mobile/commands")) return this.receive(await request.json());
    if (path.endsWith("/mobile/reconcile")) return this.confirm(await request.json());
    if (path.endsWith("/mobile/sync")) return this.sync(request, query.get("cursor"));
    return this.store(request, path);
  }

  private signIn(said: { username: string; device: { id: string } | null }): Response {
    this.signIns.push(said.device?.id ?? null);
    this.whose = this.people[said.username]!;
    return Response.json(this.tokens(this.valid));
  }

  private tokens(access_token: string) {
    return { access_token, refresh_token: "refresh" };
  }

  private receive(batch: { commands: Command[]; lost: number[] }): Response {
    const broken = batch.commands.findIndex((each) => each.order_id === this.unreadable);
    if (broken >= 0) {
      const at = ["body", "commands", String(broken), "place"];
      return refusal(422, "invalid-input", { errors: [{ at, why: "not finite" }] });
    }
    const known = new Set(this.commands.map((each) => each.id));
    this.commands.push(...batch.commands.filter((each) => !known.has(each.id)));
    this.lost.push(...batch.lost);
    const [gaps, outcome] = [this.gaps, this.outcome];
    this.gaps = [];
    const answers = batch.commands.map(({ id, device_seq }) => ({ id, device_seq, outcome }));
    return Response.json({ answers, gaps, last_seq: 0, server_time: new Date() });
  }

  private async confirm(manifest: Manifest): Promise<Response> {
    this.reconciled += 1;
    this.manifests.push(manifest);
    await this.onReconcile();
    return Response.json({ complete: true, ...this.told });
  }

  private sync(request: Request, cursor: string | null): Response {
    this.lastCursor = cursor;
    this.pushes.push(request.headers.get("pushes-arrived"));
    this.onPull();
    const headers = { "Server-Time": new Date().toISOString() };
    if (this.working === undefined) return new Response(null, { status: 304, headers });
    this.pulls += 1;
    const told = { ...this.working, cursor: `c${this.pulls}`, server_time: new Date() };
    return Response.json(told, { headers: { ...headers, ETag: `W/"c${this.pulls}"` } });
  }

  private async store(request: Request, path: string): Promise<Response> {
    const id = path.split("/").at(-1)!;
    if (request.method === "POST") {
      const pairs = request.headers.get("upload-metadata")!.split(",").map((pair) => pair.split(" "));
      const told = Object.fromEntries(pairs.map(([key, value]) => [key!, atob(value!)]));
      this.metadata.push(told);
      const named = told["file_id"]!;
      if (named === this.taken) return refusal(409, "evidence-differs");
      const held = this.bytes.get(named) ?? new Uint8Array();
      this.bytes.set(named, held);
      return new Response(null, { status: 201, headers: { "Upload-Offset": `${held.length}` } });
    }
    const held = this.bytes.get(id);
    if (held === undefined) return refusal(404, "not-found");
    const body = new Uint8Array(await request.arrayBuffer());
    if (Number(request.headers.get("upload-offset")) !== held.length) {
      return refusal(409, "upload-offset-conflict");
    }
    if (!request.headers.get("upload-checksum")?.startsWith("sha256 ")) {
      return refusal(400, "checksum-unknown");
    }
    this.chunks += 1;
    this.sizes.push(body.length);
    this.bytes.set(id, Uint8Array.from([...held, ...body]));
    const headers = { "Upload-Offset": `${held.length + body.length}` };
    return new Response(null, { status: 204, headers });
  }
}
