// The value of each ASCII character in RFC 4648 §5, or -1.
const values = new Int8Array(128).fill(-1);
const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
for (let value = 0; value < characters.length; value++) values[characters.charCodeAt(value)] = value;

const alphabet = /^[\w-]*$/;

/**
 * Whether the last character of `text[start, end)` carries only zeros in the bits that no octet uses (RFC 4648 §3.5), and
 * the length is one an encoder can produce. With the alphabet checked, this makes the encoding of every octet string unique:
 * no second spelling of a token exists to slip past a deny list or a cache.
 */
export function endsCanonically(text: string, start: number, end: number): boolean {
  const remainder = (end - start) & 3;
  if (remainder === 0) return true;
  if (remainder === 1) return false;
  const last = values[text.charCodeAt(end - 1)] ?? -1;
  return last >= 0 && (last & (remainder === 2 ? 0x0f : 0x03)) === 0;
}

/** Strict base64url: no padding, no white space, no other alphabet, unused bits zero (RFC 7515 §2, RFC 4648 §3.5). */
export function isBase64url(text: string): boolean {
  return alphabet.test(text) && endsCanonically(text, 0, text.length);
}

/** The octets, or undefined where `text` is not strict base64url. */
export function decodeBase64url(text: string): Buffer | undefined {
  return isBase64url(text) ? Buffer.from(text, "base64url") : undefined;
}

export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}
