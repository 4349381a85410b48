import { isJwtAlgorithm, type JwtAlgorithm } from "./algorithms.ts";
import { exportPublicJwk } from "./jwk-export.ts";
import { importVerificationJwk } from "./jwk-import.ts";
import { type Jwk, privateMembers } from "./jwk.ts";
import { JwtError } from "./jwt-error.ts";
import type { VerificationKey } from "./key.ts";
import { isJsonObject, type JsonObject } from "./strict-json.ts";
import { jwkThumbprint } from "./thumbprint.ts";

/** A JSON Web Key Set (RFC 7517 §5). */
export interface JwkSet {
  readonly keys: readonly Jwk[];
}

export interface JwkSetImportOptions {
  /** The algorithm of RSA keys that do not name theirs, as at some large providers. Without it, such keys are ignored. */
  readonly rsaAlg?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | undefined;
}

export const maxKeysInSet = 100;

const knownCurves: ReadonlyMap<string, readonly string[]> = new Map([
  ["EC", ["P-256", "P-384", "P-521"]],
  ["OKP", ["Ed25519"]],
]);

/**
 * The verification keys of a published key set, given as parsed JSON.
 *
 * Entries of an unknown `kty`, `crv` or `alg`, or for another use than signatures, are ignored (RFC 7517 §5), so that an issuer may
 * publish keys of tomorrow. The whole set is refused, because something is badly wrong at the issuer, where it holds private
 * members or a secret, two different keys of one `kid`, a weak or damaged key, a usable key without `kid`, or more
 * than 100 keys.
 *
 * @throws JwtError `invalid_key`, `weak_key`
 */
export function importJwkSet(set: unknown, options: JwkSetImportOptions = {}): readonly VerificationKey[] {
  if (!isJsonObject(set) || !Array.isArray(set["keys"])) {
    throw new JwtError("invalid_key", 'A key set is an object with an array "keys": parse the text first.');
  }
  const entries: readonly unknown[] = set["keys"];
  if (entries.length > maxKeysInSet) {
    throw new JwtError("invalid_key", `A key set of more than ${maxKeysInSet} keys is refused.`);
  }
  const byKid = new Map<string, VerificationKey>();
  for (const entry of entries) {
    if (!isJsonObject(entry)) throw new JwtError("invalid_key", "A member of a key set is an object.");
    const key = importEntry(entry, options);
    if (key === undefined) continue;
    if (key.kid === undefined) throw new JwtError("invalid_key", "A key of the set has no kid.");
    const namesake = byKid.get(key.kid);
    if (namesake !== undefined && !isSameKey(key, namesake)) {
      throw new JwtError("invalid_key", "Two different keys of the set have the same kid.");
    }
    byKid.set(key.kid, namesake ?? key);
  }
  return [...byKid.values()];
}

function importEntry(entry: JsonObject, options: JwkSetImportOptions): VerificationKey | undefined {
  const secretMember = privateMembers.find((member) => Object.hasOwn(entry, member));
  if (secretMember !== undefined || entry["kty"] === "oct") {
    throw new JwtError("invalid_key", "The key set holds secret material: treat those keys as stolen.");
  }
  const alg = usableAlgorithm(entry, options);
  return alg === undefined ? undefined : importVerificationJwk(entry as Jwk, alg === "of-curve" ? {} : { alg });
}

/** Undefined where the entry is for something else than verifying signatures that are known here. */
function usableAlgorithm(entry: JsonObject, options: JwkSetImportOptions): JwtAlgorithm | "of-curve" | undefined {
  const { kty, crv, alg, use, key_ops: operations } = entry;
  if (use !== undefined && use !== "sig") return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return undefined;
  if (alg !== undefined && !isJwtAlgorithm(alg)) return undefined;
  if (kty === "RSA") return alg ?? options.rsaAlg;
  if (typeof kty !== "string" || typeof crv !== "string" || knownCurves.get(kty)?.includes(crv) !== true)
    return undefined;
  return alg ?? "of-curve";
}

function isSameKey(one: VerificationKey, other: VerificationKey): boolean {
  return one.alg === other.alg && jwkThumbprint(exportPublicJwk(one)) === jwkThumbprint(exportPublicJwk(other));
}
