import { createHmac, createSecretKey } from "node:crypto";

import { STATUS_LIST_BITS, STATUS_LIST_SIZE } from "../domain/status-place.ts";
import type { StatusPlace } from "../domain/status-place.ts";

const HALF_BITS = STATUS_LIST_BITS / 2;
const HALF_MASK = 2 ** HALF_BITS - 1;
const ROUNDS = 8;

/**
 * The place of the session with this number: lists are filled one after the other, and each in an order of its own that
 * only the authority knows, a Feistel network under a key. So a token's index tells neither how many sessions there are nor
 * which of two is older.
 */
export function createShuffle(secret: Uint8Array): (number: number) => StatusPlace {
  const key = createSecretKey(secret);
  return (number) => {
    const list = Math.floor(number / STATUS_LIST_SIZE);
    let left = (number % STATUS_LIST_SIZE) >>> HALF_BITS;
    let right = number & HALF_MASK;
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = createHmac("sha256", key).update(`${list}\n${round}\n${right}`).digest().readUInt16BE();
      [left, right] = [right, left ^ (mixed & HALF_MASK)];
    }
    return { list, index: (left << HALF_BITS) | right };
  };
}
