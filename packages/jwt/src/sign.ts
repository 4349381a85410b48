import { encodeBase64url } from "./base64url.ts";
import { JwtError } from "./jwt-error.ts";
import { getSigningMaterial, type KeyName, type SigningKey } from "./key.ts";
import { assertKnownOptions, assertText } from "./options.ts";
import { isJsonObject } from "./strict-json.ts";
import { maxTextBytes, writeAscii } from "./workspace.ts";

export interface SignJwtOptions {
  /** The kind of token, such as `at+jwt` (RFC 8725 §3.11): verifiers tell kinds apart by it. */
  readonly typ: string;
}

export interface SignJwsOptions {
  readonly typ?: string | undefined;
  /** The media type of the payload, where it is not a JWT's claims. */
  readonly cty?: string | undefined;
}

// Header segments by key and by typ and cty: they are few, and the same for every token.
const headerSegments = new WeakMap<KeyName, Map<string, string>>();
const maxHeaderSegments = 64;

const json = Buffer.allocUnsafeSlow(maxTextBytes);

/**
 * Signs claims as a compact JWT with the header `{ alg, typ, kid }`. Nothing is added to the claims.
 *
 * @param claims a JSON object; `exp`, `iat` and `nbf` in seconds since 1970
 * @throws JwtError `invalid_claim` for a date that is no finite number, `invalid_options` for claims that are no object or
 *   too long for a token (64 KiB)
 */
export function signJwt(claims: object, key: SigningKey, options: SignJwtOptions): string {
  return signInput(formatSigningInput(claims, key, options.typ), key);
}

/** What a JWT's signature is over (RFC 7515 §5.1): header and claims. Throws as `signJwt` does. */
export function formatSigningInput(claims: object, key: KeyName, typ: string): string {
  const input = `${headerSegment(key, typ, undefined)}.${claimsSegment(claims, typ)}`;
  assertLength(input);
  return input;
}

function claimsSegment(claims: object, typ: string): string {
  assertText(typ, "typ");
  if (!isJsonObject(claims)) throw new JwtError("invalid_options", "Claims are an object.");
  assertDate(claims["exp"], "exp");
  assertDate(claims["iat"], "iat");
  assertDate(claims["nbf"], "nbf");
  const text = JSON.stringify(claims);
  // A cut-off write would sign half the claims. UTF-8 takes at most three bytes for a UTF-16 unit.
  if (text.length > json.length / 3 && Buffer.byteLength(text) > json.length) throw tooLong();
  const bytes = json.write(text, "utf8");
  return json.toString("base64url", 0, bytes);
}

/**
 * Signs any octets as a compact JWS (RFC 7515). For claims, use `signJwt`.
 *
 * @throws JwtError `invalid_options`
 */
export function signJws(payload: Uint8Array, key: SigningKey, options: SignJwsOptions = {}): string {
  assertKnownOptions(options, ["typ", "cty"]);
  if (!(payload instanceof Uint8Array)) throw new JwtError("invalid_options", "A payload is a Uint8Array.");
  const input = `${headerSegment(key, options.typ, options.cty)}.${encodeBase64url(payload)}`;
  assertLength(input);
  return signInput(input, key);
}

/** The token of what `formatSigningInput` answered. */
export function signInput(input: string, key: SigningKey): string {
  const { signer } = getSigningMaterial(key);
  writeAscii(input);
  return `${input}.${signer.sign(input.length)}`;
}

function headerSegment(key: KeyName, typ: string | undefined, cty: string | undefined): string {
  let segments = headerSegments.get(key);
  if (segments === undefined) {
    segments = new Map();
    headerSegments.set(key, segments);
  }
  const name = cty === undefined ? (typ ?? "") : JSON.stringify([typ, cty]);
  let segment = segments.get(name);
  if (segment === undefined) {
    const { alg, kid } = key;
    segment = encodeBase64url(Buffer.from(JSON.stringify({ alg, typ, cty, kid })));
    if (segments.size >= maxHeaderSegments) segments.clear();
    segments.set(name, segment);
  }
  return segment;
}

function assertLength(input: string): void {
  // The longest signature, of RSA with 16384 bits, takes 2731 characters.
  if (input.length > maxTextBytes - 4096) throw tooLong();
}

function assertDate(value: unknown, claim: string): void {
  if (value !== undefined && (typeof value !== "number" || !Number.isFinite(value))) {
    throw new JwtError("invalid_claim", `${claim} must be a finite number of seconds.`, claim);
  }
}

function tooLong(): JwtError {
  return new JwtError("invalid_options", "The payload is too long for a token: keep tokens under 64 KiB.");
}
