import { timingSafeEqual } from "node:crypto";

/** Whether they are the same, in a time that tells nothing but their lengths. Empty is the same as nothing. */
export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length > 0 && one.length === other.length && timingSafeEqual(one, other);
}
