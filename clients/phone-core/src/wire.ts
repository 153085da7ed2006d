/** The shapes on the wire, by the names that this package uses; all come from the OpenAPI document. */
import type { components } from "./generated/openapi.js";

type Schemas = components["schemas"];

export type Command = Schemas["CommandIn"];
export type CommandAnswer = Schemas["CommandAnswer"];
export type BatchAnswer = Schemas["BatchAnswer"];
export type Job = Schemas["JobOut"];

export type Working = Schemas["SyncOut"];
export type Crew = Working["crews"][number];
export type Tokens = Schemas["TokensOut"];
export type Device = Schemas["DeviceIn"];

/** What an act says beside what the core adds: id, sequence number and the phone's time. */
export type Saying = Omit<Command, "id" | "device_seq" | "client_at">;

/** RFC 9457 problem details; members beyond these depend on `type`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly [member: string]: unknown;
}
