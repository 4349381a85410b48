import { isAscii } from "node:buffer";
import { endsCanonically } from "./base64url.ts";
import { maxTextBytes } from "./workspace.ts";

const decoded = Buffer.allocUnsafeSlow(maxTextBytes);
const viewedBytes = 4096;
const views: (Buffer | undefined)[] = Array.from({ length: viewedBytes });
// Without ignoreBOM a byte order mark would vanish; with it JSON.parse meets and refuses it.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text in a base64url segment of ASCII without `+` and `/`, or undefined unless it is canonical base64url of valid UTF-8.
 *
 * Node's decoder is lenient: it reads `+` and `/` as `-` and `_`, and skips or stops at anything else. So if neither
 * of the two occurs, and as many octets come out as that many characters can hold, every character was of the alphabet. (Measured:
 * 0.3 µs, a regular expression takes 0.8.)
 */
export function decodeJsonText(segment: string): string | undefined {
  const bytes = (segment.length * 3) >> 2;
  if (!endsCanonically(segment, 0, segment.length)) return undefined;
  if (decoded.write(segment, "base64url") !== bytes) return undefined;
  const view = bytes < viewedBytes ? (views[bytes] ??= decoded.subarray(0, bytes)) : decoded.subarray(0, bytes);
  // A Latin-1 read of ASCII costs a tenth of a UTF-8 read.
  if (isAscii(view)) return view.toString("latin1");
  try {
    return utf8.decode(view);
  } catch {
    return undefined; // Not UTF-8: the caller says which part of the token it was.
  }
}

const strictAlphabet = /^[\w-]*$/;

/** The same for a segment of which nothing is known yet. */
export function readJsonText(segment: string): string | undefined {
  return segment.length <= maxTextBytes && strictAlphabet.test(segment) ? decodeJsonText(segment) : undefined;
}
