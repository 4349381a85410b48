import { isBase64url } from "./base64url.ts";

/** The three segments of a compact JWS (RFC 7515 §3.1), each strict base64url, or undefined. */
export function splitCompact(token: string): readonly [header: string, payload: string, signature: string] | undefined {
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first === -1 || second === -1) return undefined;
  const header = token.slice(0, first);
  const payload = token.slice(first + 1, second);
  const signature = token.slice(second + 1); // A further dot is no base64url.
  return isBase64url(header) && isBase64url(payload) && isBase64url(signature)
    ? [header, payload, signature]
    : undefined;
}
