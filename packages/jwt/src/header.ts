import { isJwtAlgorithm, type JwtAlgorithm } from "./algorithms.ts";
import { readJsonText } from "./json-segment.ts";
import { rejection } from "./jwt-error.ts";
import { maxKidLength } from "./key.ts";
import { type JsonObject, parseStrictJsonObject } from "./strict-json.ts";

/**
 * A token's protected header. Nothing in it is ever used as a key or fetched: not `jwk`, `jku`, `x5c`, `x5u` (RFC 8725 §3.10).
 * It is frozen, for tokens with the same header share it.
 */
export interface JwtHeader {
  readonly alg: JwtAlgorithm;
  readonly typ?: string;
  readonly kid?: string;
  readonly [member: string]: unknown;
}

// RFC 7797 changes what is signed; `zip` and `enc` belong to JWE. All are refused whether or not `crit` lists them.
const refusedMembers = ["b64", "zip", "enc"] as const;

/** Reads the header from its base64url segment, and throws a rejection where no key could make this header acceptable. */
export function parseHeader(segment: string): JwtHeader {
  const text = readJsonText(segment);
  const header = text === undefined ? undefined : parseStrictJsonObject(text);
  if (header === undefined) {
    throw rejection("malformed_token", "The header is not a JSON object in canonical base64url.");
  }
  for (const member of refusedMembers) {
    if (Object.hasOwn(header, member)) {
      throw rejection("unsupported_header", `Tokens with the header parameter "${member}" are not supported.`);
    }
  }
  // Every way of writing `crit` ends here: an extension that is not understood (there is none that is) must be refused
  // (RFC 7515 §4.1.11), and so must an empty, repeated or malformed list.
  if (Object.hasOwn(header, "crit")) {
    throw rejection("unsupported_critical", "Tokens with critical header parameters are not supported.");
  }
  if (!Object.hasOwn(header, "alg") || !isJwtAlgorithm(header["alg"])) {
    throw rejection("unsupported_algorithm", "The algorithm of the token is missing or not supported.");
  }
  assertOptionalText(header, "typ", 256);
  assertOptionalText(header, "kid", maxKidLength);
  // Without a prototype, so that no `typ` or `kid` is ever inherited.
  return deepFreeze(Object.assign(Object.create(null), header)) as JwtHeader;
}

function assertOptionalText(header: JsonObject, member: string, maxLength: number): void {
  const value = header[member];
  if (Object.hasOwn(header, member) && (typeof value !== "string" || value.length > maxLength)) {
    throw rejection(
      "malformed_token",
      `The header parameter "${member}" is not a string of up to ${maxLength} characters.`,
    );
  }
}

/** Freezes parsed JSON, which has no cycles and at most `maxJsonDepth` levels. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
