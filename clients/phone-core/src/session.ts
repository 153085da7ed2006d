/**
 * The sign-in of this installation: tokens survive restarts, renew themselves, and a lost answer
 * to a renewal does not end the sign-in.
 */
import createClient, { type Client } from "openapi-fetch";
import { pause } from "./backoff.js";
import { nameOf, OtherOwner, problemOf, Refused, SignedOut, Unreachable } from "./errors.js";
import type { paths } from "./generated/openapi.js";
import { keep, kept, STRICT, type Storage } from "./storage.js";
import type { Device, Me, Tokens } from "./wire.js";

const ANSWER_MS = 20_000;
const RENEW_TRIES = 4;
const RENEW_WAIT_MS = 400;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Told by any hop on the way, and of use: what was sent has to be smaller. */
const TOO_LARGE = 413;

export interface SessionOptions {
  /** Where the service is, without `/api/v1`. */
  readonly baseUrl: string;
  readonly fetch?: typeof fetch;
  /** How long one request may take, in milliseconds. */
  readonly answerMs?: number;
}

export class Session {
  /** The generated client; its requests carry the sign-in. */
  readonly api: Client<paths>;
  private renewing: Promise<Tokens> | undefined;

  constructor(private readonly storage: Storage, private readonly options: SessionOptions) {
    this.api = createClient<paths>({
      baseUrl: options.baseUrl,
      fetch: (request: Request) => this.request(request),
    });
  }

  /**
   * Sign in with name and password. The storage belongs to who signed in first: another person
   * takes over an empty one, and is refused one that holds commands or files.
   * Raises Refused, Unreachable or OtherOwner.
   */
  async signIn(username: string, password: string, device: Device): Promise<void> {
    const owner = await kept(this.storage, "owner");
    const foreign = owner !== undefined && owner.username !== username;
    // Asked without the device, which a sign-in with it would take from its owner.
    if (foreign && (await this.isUsed())) await this.assertOwner(owner.id, username, password);
    const tokens = await this.logIn({ username, password, device });
    const { id } = await this.whoIs(tokens);
    const another = owner !== undefined && owner.id !== id;
    if (another && (await this.isUsed())) throw new OtherOwner();
    const writing = this.storage.transaction(["keep", "jobs"], "readwrite", STRICT);
    const values = writing.objectStore("keep");
    await Promise.all([
      ...(another ? [values.clear(), writing.objectStore("jobs").clear()] : []),
      values.put(device, "device"),
      values.put({ id, username }, "owner"),
      values.put(tokens, "tokens"),
      writing.done,
    ]);
  }

  /** Whether anything was ever said or photographed that is still kept. */
  private async isUsed(): Promise<boolean> {
    const said = await this.storage.count("commands");
    return said + (await this.storage.count("files")) > 0;
  }

  /** Raises OtherOwner when this name is not the owner's under a new name. */
  private async assertOwner(owner: string, username: string, password: string): Promise<void> {
    const tokens = await this.logIn({ username, password, device: null });
    const { id } = await this.whoIs(tokens);
    const leaving = new Request(this.options.baseUrl + "/api/v1/auth/logout", { method: "POST" });
    await this.authorised(leaving, tokens);
    if (id !== owner) throw new OtherOwner();
  }

  private async logIn(body: Login): Promise<Tokens> {
    const answer = await this.post("/api/v1/auth/login", body);
    if (!answer.ok) throw await failure(answer);
    return (await answer.json()) as Tokens;
  }

  private async whoIs(tokens: Tokens): Promise<Me> {
    const asked = new Request(this.options.baseUrl + "/api/v1/me");
    const answer = await this.authorised(asked, tokens);
    if (!answer.ok) throw await failure(answer);
    return (await answer.json()) as Me;
  }

  /**
   * Send a request with the sign-in, renewed when it ran out.
   * Raises Unreachable, SignedOut, and Refused for every other answer that is no success.
   */
  async request(request: Request): Promise<Response> {
    const again = request.clone();
    const tokens = await this.tokens();
    let answer = await this.authorised(request, tokens);
    if (answer.status === 401) answer = await this.authorised(again, await this.renew(tokens));
    if (answer.ok || answer.status === 304) return answer;
    throw await failure(answer);
  }

  private async tokens(): Promise<Tokens> {
    const tokens = await kept(this.storage, "tokens");
    if (tokens === undefined) throw new SignedOut();
    return tokens;
  }

  private authorised(request: Request, tokens: Tokens): Promise<Response> {
    request.headers.set("Authorization", `Bearer ${tokens.access_token}`);
    return this.send(request);
  }

  /** New tokens in place of `used`; whoever asks meanwhile gets the same. */
  private async renew(used: Tokens): Promise<Tokens> {
    const now = await this.tokens();
    if (now.access_token !== used.access_token) return now;
    this.renewing ??= this.exchange(now).finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  /**
   * Exchange the refresh token. When the answer is lost the same token is sent again at once:
   * the server answers the same until the token of its answer was used.
   */
  private async exchange(now: Tokens): Promise<Tokens> {
    const device = await kept(this.storage, "device");
    const body = { refresh_token: now.refresh_token, device_id: device?.id ?? null };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.post("/api/v1/auth/refresh", body);
        if (!answer.ok) {
          const failed = await failure(answer);
          if (failed instanceof Refused && failed.status === 401) return await this.end();
          throw failed;
        }
        const tokens = (await answer.json()) as Tokens;
        await keep(this.storage, "tokens", tokens);
        return tokens;
      } catch (error) {
        if (!(error instanceof Unreachable) || attempt === RENEW_TRIES) throw error;
        await pause(RENEW_WAIT_MS * attempt);
      }
    }
  }

  private async end(): Promise<never> {
    await this.storage.delete("keep", "tokens");
    throw new SignedOut();
  }

  private post(path: string, body: unknown): Promise<Response> {
    const headers = { "Content-Type": "application/json" };
    const url = this.options.baseUrl + path;
    return this.send(new Request(url, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  /**
   * Whatever goes wrong below HTTP is Unreachable, and so is the page that a hotel or an office
   * network puts in the service's place; the body is read before it is returned.
   */
  private async send(request: Request): Promise<Response> {
    const send = this.options.fetch ?? fetch;
    const signal = AbortSignal.timeout(this.options.answerMs ?? ANSWER_MS);
    const what = `${request.method} ${request.url}`;
    try {
      const answer = await send(request, { signal });
      const body = [204, 304].includes(answer.status) ? null : await answer.arrayBuffer();
      const page = answer.ok && answer.headers.get("content-type")?.startsWith("text/html");
      if (page) throw new Unreachable(`${what}: not the service`);
      return new Response(body, answer);
    } catch (error) {
      if (error instanceof Unreachable) throw error;
      throw new Unreachable(what, undefined, { cause: error });
    }
  }
}

interface Login {
  readonly username: string;
  readonly password: string;
  readonly device: Device | null;
}

/** Unreachable for trouble that passes and for what the service did not say, else Refused. */
async function failure(answer: Response): Promise<Unreachable | Refused> {
  const problem = await problemOf(answer);
  const said = nameOf(problem) !== undefined || answer.status === TOO_LARGE;
  if (said && !PASSING.has(answer.status)) return new Refused(answer.status, problem);
  const seconds = Number(answer.headers.get("retry-after"));
  const waitMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return new Unreachable(`${answer.status} ${problem.title}`, waitMs);
}
