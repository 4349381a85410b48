import { isCompact } from "./compact-form.ts";
import { type JwtHeader, parseHeader } from "./header.ts";
import { JwtError, rejection } from "./jwt-error.ts";
import { getVerificationMaterial, type VerificationKey } from "./key.ts";
import type { SignatureVerifier } from "./signature.ts";
import { writeAscii } from "./workspace.ts";

/**
 * Where the key comes from: one key (a token may then do without `kid`); several, each with its own `kid`, of which the
 * token's `kid` names one; or a synchronous function that looks one up. The key decides the algorithm: whichever is found, a token signed with another one is refused.
 */
export type KeySource =
  | VerificationKey
  | readonly VerificationKey[]
  | ((header: JwtHeader) => VerificationKey | undefined);

/**
 * Whether `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864), which are two names of one algorithm, are taken for one another. With
 * `"exact"` a token must carry the name its key was imported with.
 */
export type Ed25519Names = "exact" | "either";

export interface AuthenticatorOptions {
  readonly keys: KeySource;
  readonly maxTokenBytes: number;
  readonly ed25519Names: Ed25519Names;
  /** 64 by default: the headers of one issuer's tokens are few. */
  readonly maxRememberedHeaders?: number;
}

/** A header, and how a token with this header is verified. */
export interface AuthenticHeader {
  readonly header: JwtHeader;
  /** The header segment with its dot: tokens of one issuer begin with the same. */
  readonly prefix: string;
  readonly key: VerificationKey;
  readonly verifier: SignatureVerifier;
}

export interface Authenticator {
  readonly authenticate: (token: string) => AuthenticHeader;
  /** Whether the key source still has the key that a token of before was verified with. */
  readonly isCurrent: (known: AuthenticHeader) => boolean;
}

const maxRememberedPrefix = 1024;

/**
 * Checks form, header and signature of a token, and throws a rejection unless all of them hold.
 *
 * Headers are remembered by their exact text, so that for most tokens there is nothing to parse. Only those of tokens
 * with a valid signature are: forged ones cannot push them out.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { maxTokenBytes, ed25519Names, maxRememberedHeaders = 64 } = options;
  const findKey = createKeyFinder(options.keys);
  const isDynamic = typeof options.keys === "function";
  const remembered = new Map<string, AuthenticHeader>();
  let latest: AuthenticHeader | undefined;
  // The header read last, whether or not its token proves to be good: a stream of bad tokens costs one reading.
  let candidate: AuthenticHeader | undefined;

  function remember(authentic: AuthenticHeader): void {
    latest = authentic;
    if (authentic.prefix.length > maxRememberedPrefix) return;
    if (remembered.size >= maxRememberedHeaders && !remembered.has(authentic.prefix)) {
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest);
        break;
      }
    }
    remembered.set(authentic.prefix, authentic);
  }

  function bind(header: JwtHeader, prefix: string): AuthenticHeader {
    const key = findKey(header);
    if (key === undefined || key === null) {
      throw rejection("unknown_key", "No key of the issuer has the kid of the token.");
    }
    const { verifier } = getVerificationMaterial(key);
    if (!isSameAlgorithm(header.alg, key.alg, ed25519Names)) {
      throw rejection("wrong_algorithm", "The token is not signed with the algorithm its key is for.");
    }
    return { header, prefix, key, verifier };
  }

  function read(token: string): AuthenticHeader {
    const prefix = token.slice(0, token.indexOf(".") + 1);
    const known = prefix === candidate?.prefix ? candidate : remembered.get(prefix);
    if (known !== undefined) return isDynamic ? rebind(known) : known;
    candidate = bind(parseHeader(prefix.slice(0, -1)), prefix);
    return candidate;
  }

  /** A key source may have dropped or replaced the key since. */
  function rebind(known: AuthenticHeader): AuthenticHeader {
    return findKey(known.header) === known.key ? known : bind(known.header, known.prefix);
  }

  function authenticate(token: string): AuthenticHeader {
    if (typeof token !== "string") throw rejection("malformed_token", "A token is a string.");
    if (token.length > maxTokenBytes) {
      throw rejection("token_too_large", `The token is longer than ${maxTokenBytes} bytes.`);
    }
    let authentic = latest;
    if (authentic === undefined || !token.startsWith(authentic.prefix)) authentic = read(token);
    else if (isDynamic) authentic = rebind(authentic);
    const inputLength = token.length - authentic.verifier.signatureChars - 1;
    if (
      inputLength < authentic.prefix.length ||
      token.charCodeAt(inputLength) !== 0x2e ||
      token.includes("+") ||
      token.includes("/") ||
      !writeAscii(token) ||
      !authentic.verifier.verify(token, inputLength)
    ) {
      throw isCompact(token)
        ? rejection("invalid_signature", "The signature of the token is wrong.")
        : rejection("malformed_token", "The token is not three segments of canonical base64url.");
    }
    if (authentic !== latest) remember(authentic);
    return authentic;
  }

  return { authenticate, isCurrent: (known) => !isDynamic || findKey(known.header) === known.key };
}

/** The payload segment of a token that has been authenticated. */
export function payloadSegment(token: string, { prefix, verifier }: AuthenticHeader): string {
  return token.slice(prefix.length, token.length - verifier.signatureChars - 1);
}

function isSameAlgorithm(inToken: string, ofKey: string, names: Ed25519Names): boolean {
  if (inToken === ofKey) return true;
  return names === "either" && isEd25519(inToken) && isEd25519(ofKey);
}

function isEd25519(alg: string): boolean {
  return alg === "EdDSA" || alg === "Ed25519";
}

function createKeyFinder(keys: KeySource): (header: JwtHeader) => VerificationKey | undefined {
  if (typeof keys === "function") return keys;
  if (!isKeyList(keys)) {
    getVerificationMaterial(keys); // refuses anything that is no key now, not at the first token
    return ({ kid }) => (kid === undefined || keys.kid === undefined || kid === keys.kid ? keys : undefined);
  }
  const byKid = new Map<string, VerificationKey>();
  for (const key of keys) {
    getVerificationMaterial(key);
    if (key.kid === undefined) throw new JwtError("invalid_options", "Every key of a list needs a kid.");
    if (byKid.has(key.kid)) throw new JwtError("invalid_options", "Two keys of the list have the same kid.");
    byKid.set(key.kid, key);
  }
  return ({ kid }) => (kid === undefined ? undefined : byKid.get(kid));
}

function isKeyList(keys: VerificationKey | readonly VerificationKey[]): keys is readonly VerificationKey[] {
  return Array.isArray(keys);
}
