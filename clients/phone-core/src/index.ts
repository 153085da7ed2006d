export { Album, type Shot } from "./album.js";
export { Refused, SignedOut, Unreachable } from "./errors.js";
export { Outbox } from "./outbox.js";
export { Phone, type PhoneEvent, type PhoneOptions } from "./phone.js";
export type { KeptFile, Said } from "./storage.js";
export type * from "./wire.js";
