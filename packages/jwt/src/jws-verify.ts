import { createAuthenticator, type Ed25519Names, type KeySource, payloadSegment } from "./authenticate.ts";
import { decodeBase64url } from "./base64url.ts";
import { type JwtHeader, parseHeader } from "./header.ts";
import { isCompact } from "./compact-form.ts";
import { rejection } from "./jwt-error.ts";
import { assertInteger, assertKnownOptions } from "./options.ts";
import { maxTextBytes } from "./workspace.ts";

export interface VerifyJwsOptions {
  /** 8192 by default, 65536 at most. */
  readonly maxTokenBytes?: number | undefined;
  /** `"exact"` by default; `"either"` takes `EdDSA` and `Ed25519` for one another. */
  readonly ed25519Names?: Ed25519Names | undefined;
}

export interface VerifiedJws {
  readonly header: JwtHeader;
  readonly payload: Uint8Array;
}

/**
 * Verifies a compact JWS (RFC 7515 §5.2) and nothing else: `typ` and what the payload says are the caller's to check. For JWTs, use
 * `createJwtVerifier`.
 *
 * @throws JwtError any of the codes about form, header, key and signature
 */
export function verifyJws(token: string, keys: KeySource, options: VerifyJwsOptions = {}): VerifiedJws {
  assertKnownOptions(options, ["maxTokenBytes", "ed25519Names"]);
  const { maxTokenBytes = 8192, ed25519Names = "exact" } = options;
  assertInteger(maxTokenBytes, "maxTokenBytes", { min: 256, max: maxTextBytes });
  const authentic = createAuthenticator({ keys, maxTokenBytes, ed25519Names }).authenticate(token);
  const payload = decodeBase64url(payloadSegment(token, authentic));
  if (payload === undefined) throw rejection("malformed_token", "The payload is not canonical base64url.");
  return { header: authentic.header, payload };
}

/**
 * The header of a token, with the same strict checks of form as in verification, but **nothing in it is proved**: use it only to
 * fetch a key by `kid` before verifying.
 *
 * @throws JwtError `malformed_token`, `token_too_large` (over 64 KiB), `unsupported_algorithm`, `unsupported_header`, `unsupported_critical`
 */
export function decodeUnverifiedHeader(token: string): JwtHeader {
  if (typeof token !== "string") throw rejection("malformed_token", "A token is a string.");
  if (token.length > maxTextBytes)
    throw rejection("token_too_large", `The token is longer than ${maxTextBytes} bytes.`);
  // The header first: that a JWE is a JWE says more than that it has five segments.
  const header = parseHeader(token.slice(0, Math.max(0, token.indexOf("."))));
  if (!isCompact(token)) {
    throw rejection("malformed_token", "The token is not three segments of canonical base64url.");
  }
  return header;
}
