import { argon2, pbkdf2, scrypt } from "node:crypto";
import { promisify } from "node:util";

import { binaryOptions, loadArgon2Binary } from "./argon2-binary.ts";
import type { Argon2idInput, Derivations } from "./derivations.ts";
import { nodeArgon2Parameters, nodeScryptOptions } from "./node-options.ts";

/** In the threads of Node's pool, which files and names are looked up with, too. */
export const POOLED: Derivations = {
  async argon2id(input) {
    const binary = await loadArgon2Binary();
    return binary === undefined ? nodeArgon2id(input) : binary.hashRaw(input.password, binaryOptions(input));
  },

  scrypt: (input) =>
    new Promise((resolve, reject) => {
      scrypt(input.password, input.salt, input.keyBytes, nodeScryptOptions(input), (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    }),

  pbkdf2: ({ password, salt, iterations, keyBytes, digest }) =>
    promisify(pbkdf2)(password, salt, iterations, keyBytes, digest),

  async bcrypt({ password, hash }) {
    // Loaded only where there is such a hash: not every platform has the binary.
    const { verify } = await import("@node-rs/bcrypt");
    return verify(password, hash);
  },
};

/** Node's own Argon2id, for platforms without the binary. */
export function nodeArgon2id(input: Argon2idInput): Promise<Uint8Array> {
  return promisify(argon2)("argon2id", nodeArgon2Parameters(input));
}
