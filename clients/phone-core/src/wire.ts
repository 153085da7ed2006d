/** The shapes on the wire, by the names that this package uses; all come from the OpenAPI document. */
import type { components } from "./generated/openapi.js";

type Schemas = components["schemas"];

export type Command = Schemas["CommandIn"];
export type CommandBatch = Schemas["CommandBatch"];
export type CommandAnswer = Schemas["CommandAnswer"];
export type BatchAnswer = Schemas["BatchAnswer"];
export type Gap = Schemas["SequenceGap"];
export type Steady = Schemas["SteadyIn"];
export type Working = Schemas["SyncOut"];
export type Job = Schemas["JobOut"];
export type Crew = NonNullable<Working["crews"]>[number];
export type Shift = NonNullable<Working["shifts"]>[number];
export type Notice = Schemas["NoticeOut"];
export type Catalogue = NonNullable<Working["catalogue"]>;
export type PhoneRules = NonNullable<Working["rules"]>;
export type Reconciliation = Schemas["ReconciliationOut"];
export type Tokens = Schemas["TokensOut"];
export type Device = Schemas["DeviceIn"];
export type Me = Schemas["MeOut"];

/** What an act says beside what the core adds: id, sequence number and the phone's clocks. */
export type Saying = Omit<Command, "id" | "device_seq" | "client_at" | "steady">;

/** RFC 9457 problem details; members beyond these depend on `type`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly [member: string]: unknown;
}
