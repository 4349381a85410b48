import { argon2Sync, pbkdf2Sync, scryptSync } from "node:crypto";

import { binaryOptions, loadArgon2Binary } from "./argon2-binary.ts";
import type { Derivations } from "./derivations.ts";
import { nodeArgon2Parameters, nodeScryptOptions } from "./node-options.ts";

/** On the very thread that asks, which does nothing else meanwhile: never on the main one. */
export const BLOCKING: Derivations = {
  async argon2id(input) {
    const binary = await loadArgon2Binary();
    return binary === undefined
      ? argon2Sync("argon2id", nodeArgon2Parameters(input))
      : binary.hashRawSync(input.password, binaryOptions(input));
  },

  async scrypt(input) {
    return scryptSync(input.password, input.salt, input.keyBytes, nodeScryptOptions(input));
  },

  async pbkdf2({ password, salt, iterations, keyBytes, digest }) {
    return pbkdf2Sync(password, salt, iterations, keyBytes, digest);
  },

  async bcrypt({ password, hash }) {
    const { verifySync } = await import("@node-rs/bcrypt");
    return verifySync(password, hash);
  },
};
