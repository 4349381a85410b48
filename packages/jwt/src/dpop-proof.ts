import { hash } from "node:crypto";
import { createAuthenticator, payloadSegment } from "./authenticate.ts";
import type { JwtAlgorithm } from "./algorithms.ts";
import type { DpopNonces } from "./dpop-nonce.ts";
import type { JwtHeader } from "./header.ts";
import { normalizeHttpUri } from "./http-uri.ts";
import { decodeJsonText } from "./json-segment.ts";
import { importVerificationJwk } from "./jwk-import.ts";
import type { Jwk } from "./jwk.ts";
import { JwtError, rejection } from "./jwt-error.ts";
import type { VerificationKey } from "./key.ts";
import { normalizeMediaType } from "./media-type.ts";
import { assertInteger, assertKnownOptions } from "./options.ts";
import { type JsonObject, parseStrictJsonObject } from "./strict-json.ts";
import { jwkThumbprint } from "./thumbprint.ts";

/** The algorithms a proof may be signed with, for `algs` of a challenge and for metadata. None of them is symmetric. */
export const DPOP_ALGORITHMS: readonly JwtAlgorithm[] = ["ES256", "ES384", "PS256", "Ed25519", "EdDSA"];

export interface DpopProofVerifierOptions {
  /** How long a proof may be used after its `iat`: 1 to 600 seconds, 60 by default. */
  readonly maxAgeSeconds?: number | undefined;
  /** How far `iat` may lie in the future, since clients' clocks differ: 0 to 300 seconds, 30 by default. */
  readonly leewaySeconds?: number | undefined;
  /** The server's nonces, if it hands out any. A proof that carries one is dated by it, and not by `iat`. */
  readonly nonces?: DpopNonces | undefined;
  /**
   * Whether every proof must carry a nonce, so that none can be made beforehand. Otherwise one is asked for only where
   * `iat` is out of bounds: then the client's clock is wrong, and a nonce makes up for it.
   */
  readonly nonceRequired?: boolean | undefined;
  /** Seconds since 1970; the system's clock by default. */
  readonly clock?: (() => number) | undefined;
}

/** The request a proof came with. */
export interface DpopRequest {
  readonly method: string;
  /**
   * Its URL as its sender wrote it, or its URLs where the server has several: with an external origin of the server's own,
   * never with what `Host` or a proxy's header says.
   */
  readonly url: string | readonly string[];
  /** The access token that came along, to a protected resource; the proof must be for it. */
  readonly accessToken?: string | undefined;
}

export interface VerifiedDpopProof {
  /** The thumbprint (RFC 7638) of the key that the sender has. */
  readonly jkt: string;
  /** What a second use is recognised by: a hash of key, URL and `jti`. To be recorded, for no check here sees a replay. */
  readonly replayHash: string;
  /** From then on the proof is refused in any case, in whole seconds since 1970; until then its use must be remembered. */
  readonly expiresAt: number;
}

const proofType = "dpop+jwt";
/** Room for a key of RSA with 4096 bits and its signature, and not for keys that keep a server busy. */
const maxProofBytes = 8192;
const maxJtiLength = 256;
/** A key seen lately need not be imported again, which takes longer than the check itself. */
const maxRememberedKeys = 1_000;

interface ProofKey {
  readonly key: VerificationKey;
  readonly jkt: string;
}

/**
 * Makes the function that verifies DPoP proofs (RFC 9449 §4.3), all but that a proof is used only once.
 *
 * It is synchronous, and accepts a proof only if it is a strict compact JWS of type `dpop+jwt`; its `alg` is one of
 * {@link DPOP_ALGORITHMS}; its `jwk` is a public key and nothing more, and the signature is of that key; `htm` is the method
 * and `htu` the URL of the request; `jti` is there; it was made just now, by `iat` or by the server's nonce; and `ath` is
 * the hash of the access token where one came along.
 *
 * @throws JwtError `invalid_options` at once; from the function, any of the codes about tokens; `invalid_key` or `weak_key`
 *   for the key in the header; `nonce_required` where nothing is wrong but that a nonce of this server is missing or over
 */
export function createDpopProofVerifier(
  options: DpopProofVerifierOptions = {},
): (proof: string, request: DpopRequest) => VerifiedDpopProof {
  assertKnownOptions(options, ["maxAgeSeconds", "leewaySeconds", "nonces", "nonceRequired", "clock"]);
  const { maxAgeSeconds = 60, leewaySeconds = 30, nonces, nonceRequired = false, clock = systemClock } = options;
  assertInteger(maxAgeSeconds, "maxAgeSeconds", { min: 1, max: 600 });
  assertInteger(leewaySeconds, "leewaySeconds", { min: 0, max: 300 });
  if (nonceRequired && nonces === undefined) {
    throw new JwtError("invalid_options", 'The option "nonceRequired" needs "nonces".');
  }

  // The authenticator remembers the headers of good proofs, each as the same object, and all proofs of a client have one.
  const keys = new WeakMap<JwtHeader, ProofKey>();
  const findKey = (header: JwtHeader): ProofKey => {
    const known = keys.get(header);
    if (known !== undefined) return known;
    const found = readProofKey(header);
    keys.set(header, found);
    return found;
  };
  const { authenticate } = createAuthenticator({
    keys: (header) => findKey(header).key,
    maxTokenBytes: maxProofBytes,
    ed25519Names: "exact",
    maxRememberedHeaders: maxRememberedKeys,
  });

  /** Until when the proof may be used. */
  function checkDate(claims: JsonObject): number {
    const { iat, nonce } = claims;
    if (typeof iat !== "number" || !Number.isFinite(iat)) {
      throw rejection("invalid_claim", "iat of the proof is no date in seconds.", "iat");
    }
    if (nonces !== undefined && Object.hasOwn(claims, "nonce")) {
      const expiresAt = typeof nonce === "string" ? nonces.read(nonce) : undefined;
      if (expiresAt === undefined) throw nonceNeeded();
      return expiresAt;
    }
    if (nonceRequired) throw nonceNeeded();
    const now = clock();
    const expiresAt = iat + maxAgeSeconds;
    if (iat <= now + leewaySeconds && now < expiresAt) return expiresAt;
    if (nonces !== undefined) throw nonceNeeded();
    throw now < expiresAt
      ? rejection("not_yet_valid", "The proof was made in the future.", "iat")
      : rejection("expired", "The proof was made too long ago.", "iat");
  }

  return (proof, { method, url, accessToken }) => {
    const authentic = authenticate(proof);
    const text = decodeJsonText(payloadSegment(proof, authentic));
    const claims = text === undefined ? undefined : parseStrictJsonObject(text);
    if (claims === undefined) {
      throw rejection("malformed_token", "The payload is not a JSON object in canonical base64url.");
    }
    for (const name of ["jti", "htm", "htu", "iat"]) {
      if (!Object.hasOwn(claims, name)) throw rejection("missing_claim", `The proof has no ${name}.`, name);
    }
    const { jti, htm, htu } = claims;
    if (typeof jti !== "string" || jti === "" || jti.length > maxJtiLength) {
      throw rejection("invalid_claim", "jti of the proof is no short text.", "jti");
    }
    if (htm !== method) throw rejection("invalid_claim", "The proof is for another method.", "htm");
    const uri = typeof htu === "string" ? normalizeHttpUri(htu) : undefined;
    if (uri === undefined || ![url].flat().some((expected) => normalizeHttpUri(expected) === uri)) {
      throw rejection("invalid_claim", "The proof is for another URL.", "htu");
    }
    if (accessToken !== undefined) checkAccessTokenHash(claims, accessToken);
    const expiresAt = checkDate(claims);
    const { jkt } = findKey(authentic.header);
    const replayHash = hash("sha256", `${jkt}\n${uri}\n${jti}`, "base64url");
    return { jkt, replayHash, expiresAt: Math.ceil(expiresAt) };
  };
}

/** The key in a proof's header, which stands for whoever signs with it and for nobody else: it is only ever compared. */
function readProofKey(header: JwtHeader): ProofKey {
  if (header.typ === undefined || normalizeMediaType(header.typ) !== `application/${proofType}`) {
    throw rejection("wrong_type", "The proof is of another type.");
  }
  if (!DPOP_ALGORITHMS.includes(header.alg)) {
    throw rejection("unsupported_algorithm", "The proof is signed with an algorithm that is not allowed for proofs.");
  }
  const jwk = header["jwk"] as Jwk;
  const key = importVerificationJwk(jwk, { alg: header.alg });
  return { key, jkt: jwkThumbprint(jwk) };
}

function checkAccessTokenHash(claims: JsonObject, accessToken: string): void {
  if (!Object.hasOwn(claims, "ath")) throw rejection("missing_claim", "The proof is for no access token.", "ath");
  if (claims["ath"] !== hash("sha256", accessToken, "base64url")) {
    throw rejection("invalid_claim", "The proof is for another access token.", "ath");
  }
}

function nonceNeeded(): JwtError {
  return rejection("nonce_required", "The proof needs a nonce of this server.", "nonce");
}

function systemClock(): number {
  return Date.now() / 1000;
}
