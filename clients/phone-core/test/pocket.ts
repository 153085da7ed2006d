/** A phone on the service of the tests, and what its owner says and photographs. */
import "fake-indexeddb/auto";
import { Phone, type PhoneEvent, type PhoneOptions, type Shot } from "../src/index.js";
import type { Service } from "./service.js";

export const DEVICE = { id: "d", name: "phone", platform: "android" } as const;

let number = 0;

/** A signed-in phone with a storage of its own unless one is named. */
export async function phoneOn(
  service: Service, storage = `phone-${(number += 1)}`, chunkBytes = 4,
  onEvent: (event: PhoneEvent) => void = () => {}, more: Partial<PhoneOptions> = {},
): Promise<Phone> {
  const phone = await Phone.open({
    baseUrl: "http://service", storage, fetch: service.fetch, chunkBytes, onEvent,
    backoff: { firstMs: 1, capMs: 2 }, ...more,
  });
  await phone.signIn("tech", "secret", DEVICE);
  return phone;
}

export const accept = (order_id: string) => ({ kind: "accept", order_id }) as const;

export const TEN = new TextEncoder().encode("0123456789");

/** A photo of ten bytes, unless more is said. */
export function shot(more: Partial<Shot> = {}): Shot {
  return {
    orderId: "o1", kind: "F", mediaType: "image/jpeg", capturedAt: new Date(), content: TEN, ...more,
  };
}

/** A job as far as the core reads it. */
export function job(id: string, version = 1, evidence: object = {}) {
  return {
    id, version, assignment_id: "a",
    evidence: { state: "none", missing_files: [], rejected_files: [], ...evidence },
  };
}
