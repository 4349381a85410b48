import type { Argon2Parameters, ScryptOptions } from "node:crypto";

import type { Argon2idInput, ScryptInput } from "./derivations.ts";

export function nodeArgon2Parameters(input: Argon2idInput): Argon2Parameters {
  const { password, salt, memoryKib, passes, parallelism, tagBytes } = input;
  return { message: password, nonce: salt, memory: memoryKib, passes, parallelism, tagLength: tagBytes };
}

/** Node bounds scrypt's memory by itself; what is bearable has been decided before. */
export function nodeScryptOptions({ N, r, p }: ScryptInput): ScryptOptions {
  return { N, r, p, maxmem: 256 * N * r + 256 * r * p + 2 ** 20 };
}
