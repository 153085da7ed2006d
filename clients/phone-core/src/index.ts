export { Album, type Shot } from "./album.js";
export { OtherOwner, Refused, SignedOut, Unreachable } from "./errors.js";
export { Outbox } from "./outbox.js";
export type { PhoneEvent, Retake } from "./events.js";
export { Phone, type PhoneOptions } from "./phone.js";
export type { KeptFile, Said } from "./storage.js";
export type * from "./wire.js";
