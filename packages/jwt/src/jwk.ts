import type { AsymmetricAlgorithm } from "./algorithms.ts";
import { decodeBase64url } from "./base64url.ts";
import { assertSoundEd25519Point } from "./ed25519-point.ts";
import { JwtError } from "./jwt-error.ts";
import { assertStrongRsaKey } from "./rsa-strength.ts";
import { isJsonObject } from "./strict-json.ts";

/** A JSON Web Key (RFC 7517 §4). Members this package does not know are allowed and ignored. */
export interface Jwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  readonly d?: string;
  readonly p?: string;
  readonly q?: string;
  readonly dp?: string;
  readonly dq?: string;
  readonly qi?: string;
  readonly k?: string;
  readonly [member: string]: unknown;
}

/** The members that make a JWK secret (RFC 7518 §6; `priv` of the post-quantum key type as well). */
export const privateMembers: readonly string[] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/** Throws `invalid_key` where `value` is no JWK, or is one for another use than signatures. */
export function assertSignatureJwk(value: unknown, operation: "sign" | "verify"): asserts value is Jwk {
  if (!isJsonObject(value)) throw new JwtError("invalid_key", "A JWK is an object, not text: parse it first.");
  if (typeof value["kty"] !== "string") throw new JwtError("invalid_key", "A JWK needs a kty.");
  if (value["use"] !== undefined && value["use"] !== "sig") {
    throw new JwtError("invalid_key", 'The "use" of the JWK is not "sig".');
  }
  const operations = value["key_ops"];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes(operation))) {
    throw new JwtError("invalid_key", `The "key_ops" of the JWK do not allow to ${operation}.`);
  }
  const kid = value["kid"];
  if (kid !== undefined && typeof kid !== "string") throw new JwtError("invalid_key", "The kid of a JWK is a string.");
}

/** The octets of a member; strict base64url. */
export function getOctets(jwk: Jwk, member: string): Buffer {
  const text = jwk[member];
  const octets = typeof text === "string" ? decodeBase64url(text) : undefined;
  if (octets === undefined) {
    throw new JwtError("invalid_key", `The member "${member}" of the JWK is missing or not base64url without padding.`);
  }
  return octets;
}

function getFixedOctets(jwk: Jwk, member: string, bytes: number): Buffer {
  const octets = getOctets(jwk, member);
  if (octets.length !== bytes) {
    throw new JwtError("invalid_key", `The member "${member}" of the JWK must be ${bytes} bytes long.`);
  }
  return octets;
}

/** An unsigned big-endian integer, which RFC 7518 §2 wants without leading zeros. */
function getInteger(jwk: Jwk, member: string): Buffer {
  const octets = getOctets(jwk, member);
  if (octets.length === 0 || octets[0] === 0) {
    throw new JwtError("invalid_key", `The member "${member}" of the JWK is empty or has leading zeros.`);
  }
  return octets;
}

/**
 * The members of a public key that fits `row` and is sound, and no others. Whether a point lies on its curve is for OpenSSL
 * to say when it gets them.
 */
export function publicMembersOf(jwk: Jwk, row: AsymmetricAlgorithm): Readonly<Record<string, string>> {
  if (jwk.kty !== row.kty) throw new JwtError("invalid_key", `This algorithm needs a key of type ${row.kty}.`);
  if (row.kty === "RSA") {
    assertStrongRsaKey(getInteger(jwk, "n"), getInteger(jwk, "e"));
    return { kty: row.kty, n: String(jwk.n), e: String(jwk.e) };
  }
  if (jwk.crv !== row.crv) throw new JwtError("invalid_key", `This algorithm needs a key on the curve ${row.crv}.`);
  if (row.kty === "OKP") {
    assertSoundEd25519Point(getFixedOctets(jwk, "x", 32));
    return { kty: row.kty, crv: row.crv, x: String(jwk.x) };
  }
  getFixedOctets(jwk, "x", row.coordinateBytes);
  getFixedOctets(jwk, "y", row.coordinateBytes);
  return { kty: row.kty, crv: row.crv, x: String(jwk.x), y: String(jwk.y) };
}

/** The private members for `row`, besides the public ones. RSA keys need their CRT members (OpenSSL does). */
export function privateMembersOf(jwk: Jwk, row: AsymmetricAlgorithm): Readonly<Record<string, string>> {
  if (row.kty !== "RSA") {
    getFixedOctets(jwk, "d", row.kty === "EC" ? row.coordinateBytes : 32);
    return { d: String(jwk.d) };
  }
  if (jwk["oth"] !== undefined) throw new JwtError("invalid_key", "RSA keys with more than two primes are refused.");
  const members = ["d", "p", "q", "dp", "dq", "qi"] as const;
  for (const member of members) getInteger(jwk, member);
  return Object.fromEntries(members.map((member) => [member, String(jwk[member])]));
}
