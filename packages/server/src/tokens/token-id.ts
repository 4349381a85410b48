import { randomFillSync } from "node:crypto";

const ID_BYTES = 16;

// Drawn in bulk: each call of the generator costs more than the refresh token's signature.
const drawn = Buffer.alloc(256 * ID_BYTES);
let used = drawn.length;

/** A `jti` that no other token has: 128 random bits. Identifies and is no secret. */
export function newTokenId(): string {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += ID_BYTES;
  return drawn.toString("base64url", used - ID_BYTES, used);
}
