import type { AuthenticHeader } from "./authenticate.ts";
import { deepFreeze } from "./header.ts";
import type { VerifiedJwt } from "./jwt-verifier.ts";

export interface TokenCacheOptions {
  /** 10,000 by default, 1,000,000 at most. */
  readonly maxEntries?: number | undefined;
  /** Of token text, in bytes: 8 MiB by default. The claims take about as much again. */
  readonly maxBytes?: number | undefined;
  /** How long a token is answered from the cache: 300 by default, 3600 at most. It is never answered after its `exp`. */
  readonly maxAgeSeconds?: number | undefined;
}

export interface CachedToken {
  readonly token: string;
  readonly verified: VerifiedJwt;
  readonly authentic: AuthenticHeader;
  /** Answered from `since` on and before `until`, in seconds since 1970. */
  readonly since: number;
  readonly until: number;
}

export interface TokenCache {
  /** The entry of exactly this text, whatever its age. */
  readonly find: (token: string) => CachedToken | undefined;
  readonly remember: (entry: CachedToken) => void;
  readonly forget: (entry: CachedToken) => void;
}

// 96 bits of the signature: enough to spread tokens, and never trusted, for the whole text is compared.
const tailChars = 16;

/**
 * Tokens that have been verified, found by the end of their signature and then compared whole, so that no hash collision can
 * ever answer one token with another's claims (GHSA-rp9m-7r4c-75qg). Refused tokens never enter: a flood of them evicts
 * nothing. The oldest entry goes first.
 */
export function createTokenCache(limits: { readonly maxEntries: number; readonly maxBytes: number }): TokenCache {
  const entries = new Map<string, CachedToken>();
  let bytes = 0;

  function forget(entry: CachedToken): void {
    if (entries.delete(entry.token.slice(-tailChars))) bytes -= entry.token.length;
  }

  return {
    find(token) {
      const entry = entries.get(token.slice(-tailChars));
      return entry !== undefined && entry.token === token ? entry : undefined;
    },
    remember(entry) {
      if (entry.token.length > limits.maxBytes) return;
      const tail = entry.token.slice(-tailChars);
      const namesake = entries.get(tail);
      if (namesake !== undefined) forget(namesake);
      deepFreeze(entry.verified); // all requests with this token share it
      entries.set(tail, entry);
      bytes += entry.token.length;
      for (const oldest of entries.values()) {
        if (entries.size <= limits.maxEntries && bytes <= limits.maxBytes) break;
        forget(oldest);
      }
    },
    forget,
  };
}
