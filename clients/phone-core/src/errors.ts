import type { Problem } from "./wire.js";

/** No answer came: no signal, a torn line, a time-out, or a service that is just starting. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** What the server asked to wait for, in milliseconds, when it did. */
  constructor(message: string, readonly waitMs?: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The service answered, and said no. */
export class Refused extends Error {
  override readonly name = "Refused";
  constructor(readonly status: number, readonly problem: Problem) {
    super(`${status} ${problem.type}: ${problem.title}`);
  }
}

/** The sign-in has ended: only a name and a password help. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
  constructor() {
    super("the sign-in has ended");
  }
}

/** The storage holds what another person said: it would go out in the wrong name. */
export class OtherOwner extends Error {
  override readonly name = "OtherOwner";
  constructor() {
    super("this storage holds another person's work: open one of its own");
  }
}

const OURS = "urn:paigong:problem:";

/** The problem by its short name; undefined when a proxy or a gateway made the answer. */
export function nameOf(problem: Problem): string | undefined {
  const { type } = problem;
  return typeof type === "string" && type.startsWith(OURS) ? type.slice(OURS.length) : undefined;
}

/** Where the input is wrong, as the service's `errors` say: each a path into the request. */
export function blamed(problem: Problem): string[][] {
  const errors: unknown = problem["errors"];
  const paths = Array.isArray(errors) ? errors.map((each: { at?: unknown }) => each?.at) : [];
  return paths.filter((at) => Array.isArray(at)).map((at: unknown[]) => at.map(String));
}

/** The problem of an answer; answers of proxies and gateways have none of their own. */
export async function problemOf(answer: Response): Promise<Problem> {
  const none = { type: "about:blank", title: answer.statusText, status: answer.status };
  try {
    const told: unknown = await answer.json();
    return typeof told === "object" && told !== null ? { ...none, ...told } : none;
  } catch {
    return none;
  }
}
