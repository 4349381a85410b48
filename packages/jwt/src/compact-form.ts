import { decodeAsciiSegment } from "./base64url.ts";
import { createScratchBuffer } from "./scratch-buffer.ts";
import { maxTextBytes, writeAscii } from "./workspace.ts";

const octets = createScratchBuffer(maxTextBytes);

/** Whether a text of up to `maxTextBytes` characters is a compact JWS (RFC 7515 §3.1): three segments of strict base64url. */
export function isCompact(token: string): boolean {
  if (token.includes("+") || token.includes("/") || !writeAscii(token)) return false;
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first === -1 || second === -1) return false;
  return (
    isSegment(token.slice(0, first)) && isSegment(token.slice(first + 1, second)) && isSegment(token.slice(second + 1)) // a further dot is no base64url
  );
}

function isSegment(text: string): boolean {
  return decodeAsciiSegment(text, octets) !== -1;
}
