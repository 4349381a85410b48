import type { SecretScheme } from "@latchkey/server/domain";

/**
 * Secrets as symbols: a secret is the term it was derived by, so two are equal exactly where HMAC-SHA256 would make them
 * equal (barring collisions), and nobody can make one without its predecessor. Each term gets a short name.
 */
export function createSymbolicSecrets(): SecretScheme {
  const names = new Map<string, string>();
  return {
    hash: (secret) => `#${secret}`,
    hashAttempt: (key) => `#${key}`,
    derive({ secret }, { generation, attempt }) {
      const term = `${secret}>${generation}:${attempt}`;
      const known = names.get(term);
      if (known !== undefined) return known;
      const name = `s${generation}.${names.size}`;
      names.set(term, name);
      return name;
    },
  };
}
