import { hash } from "node:crypto";

import { createMac } from "@latchkey/jwt";

import type { SecretScheme } from "../domain/refresh-rule.ts";

/**
 * How the secrets of refresh tokens are made. The successor's secret is derived from its predecessor's, so the server can
 * make it again for a retry and still stores no more than its hash:
 *
 *     secret(g + 1) = HMAC-SHA256(rotation key, secret(g) ‖ session id ‖ g + 1 ‖ attempt)
 *
 * Fields are joined by a line feed, which occurs in none of them, so no two inputs collide.
 */
export function createSecretScheme(rotationKey: Uint8Array): SecretScheme {
  const mac = createMac(rotationKey);
  return {
    hash: hashSecret,
    // 128 bits of a key of at least 16 characters: what is remembered stays small, and cannot be turned back.
    hashAttempt: (attemptKey) => hash("sha256", attemptKey, "base64url").slice(0, 22),
    derive: (predecessor, next) => mac(`${predecessor.secret}\n${next.sessionId}\n${next.generation}\n${next.attempt}`),
  };
}

/** What the store has of a refresh token's secret. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "base64url");
}
