/**
 * API tokens: long-lived tokens that a user makes for a program. Inside is a JWT of a type of its own, signed with keys of
 * a key set of its own, so that who verifies access tokens takes none by mistake. Outside is a form that secret scanners
 * know: a prefix, the JWT, and a checksum that tells a token from text that looks like one, without asking anybody.
 *
 *     lk_api_<JWT>_<CRC-32 of all before the last underscore, in base 62, six digits>
 */

/** The media type, in the JWS header `typ` (RFC 8725 §3.11). */
export const API_TOKEN_TYPE = "latchkey-api+jwt";

export const API_TOKEN_PREFIX = "lk_api_";

/** For secret scanners; what it finds is a token if {@link parseApiToken} says so. */
export const API_TOKEN_PATTERN: RegExp =
  /\blk_api_eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,6000}\.[A-Za-z0-9_-]{40,1000}_[0-9A-Za-z]{6}\b/;

/** The claims of an API token. It belongs to no session and holds no roles. Times are seconds since 1970. */
export interface ApiTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  /** The client it was made with. */
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  /** Space-delimited. */
  readonly scope: string;
  /** Where to learn whether it has been revoked, where the authority keeps status lists. */
  readonly status?: { readonly status_list: { readonly idx: number; readonly uri: string } };
  /** The key a bound token must be used with (RFC 9449 §6.1). */
  readonly cnf?: { readonly jkt: string };
}

/** An API token as its user sees it afterwards: without the token. */
export interface ApiTokenSummary {
  readonly id: string;
  readonly name: string;
  /** Space-delimited. */
  readonly scope: string;
  readonly audience: string;
  readonly token_type: "Bearer" | "DPoP";
  /** RFC 3339, UTC, as are the others. */
  readonly created_at: string;
  readonly expires_at: string;
  /** The hour it was last used in, as far as its API reports uses; null where it never was. */
  readonly last_used_at: string | null;
}

/** What making one answers, once. */
export interface ApiTokenAnswer {
  readonly token: string;
  readonly api_token: ApiTokenSummary;
}

/** `POST /api-tokens/uses`: each token that was used, and the hour (seconds since 1970, divided by 3,600). */
export interface ApiTokenUsesReport {
  readonly uses: readonly (readonly [id: string, hour: number])[];
}

/** How many uses one report may hold. */
export const MAX_REPORTED_USES = 500;

/** Longer ones are none: nobody computes a checksum of whatever is sent. */
const MAX_LENGTH = 8_192;
const CHECKSUM_DIGITS = 6;

export function formatApiToken(jwt: string): string {
  const text = API_TOKEN_PREFIX + jwt;
  return `${text}_${checksumOf(text)}`;
}

/** The JWT inside; `undefined` where the prefix or the checksum is not right. That says nothing of the JWT. */
export function parseApiToken(token: string): string | undefined {
  if (!token.startsWith(API_TOKEN_PREFIX) || token.length > MAX_LENGTH) return undefined;
  const end = token.length - CHECKSUM_DIGITS - 1;
  if (end <= API_TOKEN_PREFIX.length || token[end] !== "_") return undefined;
  if (token.slice(end + 1) !== checksumOf(token.slice(0, end))) return undefined;
  return token.slice(API_TOKEN_PREFIX.length, end);
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function checksumOf(text: string): string {
  let number = crc32(text);
  let digits = "";
  for (let count = 0; count < CHECKSUM_DIGITS; count++) {
    digits = DIGITS.charAt(number % 62) + digits;
    number = Math.floor(number / 62);
  }
  return digits;
}

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** CRC-32 as in zip and zlib (ISO-HDLC), of text whose characters are bytes. */
function crc32(text: string): number {
  let crc = 0xffff_ffff;
  for (let index = 0; index < text.length; index++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
