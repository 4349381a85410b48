import {
  type AuthenticHeader,
  createAuthenticator,
  type Ed25519Names,
  type KeySource,
  payloadSegment,
} from "./authenticate.ts";
import { checkClaims, type ClaimRules, type JwtClaims } from "./claims.ts";
import type { JwtHeader } from "./header.ts";
import { decodeJsonText } from "./json-segment.ts";
import { JwtError, rejection } from "./jwt-error.ts";
import { normalizeMediaType } from "./media-type.ts";
import { assertInteger, assertKnownOptions, assertText } from "./options.ts";
import { parseStrictJsonObject } from "./strict-json.ts";
import { createTokenCache, type TokenCacheOptions } from "./verified-token-cache.ts";
import { maxTextBytes } from "./workspace.ts";

export interface JwtVerifierOptions {
  /** The kind of token, as a media type (RFC 7515 §4.1.9): `at+jwt`, `AT+JWT` and `application/at+jwt` are the same. */
  readonly typ: string;
  /** The only issuer, compared exactly. */
  readonly issuer: string;
  /** The token must be for this audience, or for one of these, compared exactly. */
  readonly audience: string | readonly string[];
  readonly keys: KeySource;
  /** Claims that must be there besides `iss`, `aud`, `exp` and `iat`, which always must. */
  readonly requiredClaims?: readonly string[] | undefined;
  /** How far clocks may differ: 0 to 60 seconds, 5 by default. */
  readonly leewaySeconds?: number | undefined;
  /** 8192 by default, 65536 at most. */
  readonly maxTokenBytes?: number | undefined;
  /**
   * `"reject"` by default. `"accept"` suits an issuer that verifies its own tokens, where `iat` proves nothing and a clock
   * that was set back must not refuse them all.
   */
  readonly futureIssuedAt?: "reject" | "accept" | undefined;
  /** `"exact"` by default; `"either"` takes `EdDSA` and `Ed25519` for one another. */
  readonly ed25519Names?: Ed25519Names | undefined;
  /** Seconds since 1970; the system's clock by default. */
  readonly clock?: (() => number) | undefined;
  /**
   * Answers tokens that were verified before without verifying them again. Off by default. An entry is of the exact text, is
   * never used outside the times in its claims, nor after the key source has dropped or replaced its key; claims are deep-frozen.
   * Whether a session has been revoked is to be asked after the verifier, for a cached token as well.
   */
  readonly cache?: TokenCacheOptions | undefined;
}

export interface VerifiedJwt {
  /** Frozen: tokens with the same header share it. */
  readonly header: JwtHeader;
  readonly claims: JwtClaims;
}

const optionNames = [
  "typ",
  "issuer",
  "audience",
  "keys",
  "requiredClaims",
  "leewaySeconds",
  "futureIssuedAt",
  "maxTokenBytes",
  "ed25519Names",
  "clock",
  "cache",
] as const satisfies readonly (keyof JwtVerifierOptions)[];

/**
 * Makes the function that verifies one kind of token of one issuer for one audience.
 *
 * The function is synchronous. It accepts a token only if it is a strict compact JWS within the size cap, its `kid` names a key of
 * `keys` and its `alg` is that key's, the signature holds, `typ` is the expected one, `iss` and `aud` match exactly, `exp` is
 * in the future, `iat` and `nbf` are not, and all required claims are there (RFC 7519 §7.2, RFC 8725, RFC 9068 §4).
 *
 * @throws JwtError `invalid_options` or `invalid_key` at once for unsafe options; from the function, any of the codes about tokens
 */
export function createJwtVerifier(options: JwtVerifierOptions): (token: string) => VerifiedJwt {
  assertKnownOptions(options, optionNames);
  const { keys, leewaySeconds = 5, maxTokenBytes = 8192, ed25519Names = "exact", futureIssuedAt = "reject" } = options;
  const clock = options.clock ?? systemClock;
  assertText(options.typ, "typ");
  assertText(options.issuer, "issuer");
  assertInteger(leewaySeconds, "leewaySeconds", { min: 0, max: 60 });
  assertInteger(maxTokenBytes, "maxTokenBytes", { min: 256, max: maxTextBytes });
  if (ed25519Names !== "exact" && ed25519Names !== "either") {
    throw new JwtError("invalid_options", 'The option "ed25519Names" must be "exact" or "either".');
  }
  if (futureIssuedAt !== "reject" && futureIssuedAt !== "accept") {
    throw new JwtError("invalid_options", 'The option "futureIssuedAt" must be "reject" or "accept".');
  }
  if (typeof clock !== "function") throw new JwtError("invalid_options", 'The option "clock" must be a function.');
  const expectedTyp = options.typ;
  const mediaType = normalizeMediaType(expectedTyp);
  const rules: ClaimRules = {
    issuer: options.issuer,
    audiences: textList(options.audience, "audience", 1),
    requiredClaims: textList(options.requiredClaims ?? [], "requiredClaims", 0),
    leewaySeconds,
    futureIssuedAt,
  };
  const { authenticate, isCurrent } = createAuthenticator({ keys, maxTokenBytes, ed25519Names });

  function verifyPayload(token: string, authentic: AuthenticHeader, now: number): VerifiedJwt {
    const { header } = authentic;
    if (header.typ !== expectedTyp && (header.typ === undefined || normalizeMediaType(header.typ) !== mediaType)) {
      throw rejection("wrong_type", "The token is of another type.");
    }
    const text = decodeJsonText(payloadSegment(token, authentic));
    const payload = text === undefined ? undefined : parseStrictJsonObject(text);
    if (payload === undefined) {
      throw rejection("malformed_token", "The payload is not a JSON object in canonical base64url.");
    }
    return { header, claims: checkClaims(payload, rules, now) };
  }

  if (options.cache === undefined) return (token) => verifyPayload(token, authenticate(token), clock());

  const { maxEntries = 10_000, maxBytes = 8 * 2 ** 20, maxAgeSeconds = 300 } = options.cache;
  assertKnownOptions(options.cache, ["maxEntries", "maxBytes", "maxAgeSeconds"]);
  assertInteger(maxEntries, "cache.maxEntries", { min: 1, max: 1_000_000 });
  assertInteger(maxBytes, "cache.maxBytes", { min: 1024, max: 2 ** 30 });
  assertInteger(maxAgeSeconds, "cache.maxAgeSeconds", { min: 1, max: 3600 });
  const cache = createTokenCache({ maxEntries, maxBytes });

  return (token) => {
    const now = clock();
    const known = typeof token === "string" ? cache.find(token) : undefined;
    if (known !== undefined) {
      if (now >= known.since && now < known.until && isCurrent(known.authentic)) return known.verified;
      cache.forget(known);
    }
    const authentic = authenticate(token);
    const verified = verifyPayload(token, authentic, now);
    const { exp, iat, nbf = Number.NEGATIVE_INFINITY } = verified.claims;
    const since = Math.max(nbf, futureIssuedAt === "reject" ? iat : nbf) - leewaySeconds;
    const until = Math.min(exp + leewaySeconds, now + maxAgeSeconds);
    cache.remember({ token, verified, authentic, since, until });
    return verified;
  };
}

function systemClock(): number {
  return Date.now() / 1000;
}

function textList(value: unknown, name: string, minLength: number): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length < minLength) throw new JwtError("invalid_options", `The option "${name}" is empty.`);
  return list.map((entry) => {
    assertText(entry, name);
    return entry;
  });
}
