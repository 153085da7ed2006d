/**
 * The sign-in of this installation: tokens survive restarts, renew themselves, and a lost answer
 * to a renewal does not end the sign-in.
 */
import createClient, { type Client } from "openapi-fetch";
import { pause } from "./backoff.js";
import { problemOf, Refused, SignedOut, Unreachable } from "./errors.js";
import type { paths } from "./generated/openapi.js";
import { keep, kept, STRICT, type Storage } from "./storage.js";
import type { Device, Tokens } from "./wire.js";

const ANSWER_MS = 20_000;
const RENEW_TRIES = 4;
const RENEW_WAIT_MS = 400;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

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

  /** Sign in with name and password. Raises Refused or Unreachable. */
  async signIn(username: string, password: string, device: Device): Promise<void> {
    const answer = await this.post("/api/v1/auth/login", { username, password, device });
    if (!answer.ok) throw await failure(answer);
    const tokens = (await answer.json()) as Tokens;
    const writing = this.storage.transaction("keep", "readwrite", STRICT);
    await Promise.all([
      writing.store.put(device, "device"),
      writing.store.put(tokens, "tokens"),
      writing.done,
    ]);
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
        if (answer.status === 401) return await this.end();
        if (!answer.ok) throw await failure(answer);
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

  /** Whatever goes wrong below HTTP is Unreachable; the body is read before it is returned. */
  private async send(request: Request): Promise<Response> {
    const send = this.options.fetch ?? fetch;
    const signal = AbortSignal.timeout(this.options.answerMs ?? ANSWER_MS);
    try {
      const answer = await send(request, { signal });
      const body = [204, 304].includes(answer.status) ? null : await answer.arrayBuffer();
      return new Response(body, answer);
    } catch (error) {
      throw new Unreachable(`${request.method} ${request.url}`, undefined, { cause: error });
    }
  }
}

/** Unreachable for trouble that passes, Refused for the rest. */
async function failure(answer: Response): Promise<Unreachable | Refused> {
  const problem = await problemOf(answer);
  if (!PASSING.has(answer.status)) return new Refused(answer.status, problem);
  const seconds = Number(answer.headers.get("retry-after"));
  const waitMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return new Unreachable(`${answer.status} ${problem.title}`, waitMs);
}
