import { isAscii } from "node:buffer";
import { decodeAsciiSegment, isBase64url } from "./base64url.ts";
import { createScratchBuffer } from "./scratch-buffer.ts";
import { createViews, maxTextBytes } from "./workspace.ts";

const decoded = createScratchBuffer(maxTextBytes);
const decodedView = createViews((bytes) => decoded.subarray(0, bytes));
// Without ignoreBOM a byte order mark would vanish; with it JSON.parse meets and refuses it.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text in a segment of ASCII without `+` and `/`, or undefined unless it is strict base64url of valid UTF-8. */
export function decodeJsonText(segment: string): string | undefined {
  const bytes = decodeAsciiSegment(segment, decoded);
  if (bytes === -1) return undefined;
  const view = decodedView(bytes);
  // A Latin-1 read of ASCII costs a tenth of a UTF-8 read.
  if (isAscii(view)) return decoded.latin1Slice(0, bytes);
  try {
    return utf8.decode(view);
  } catch {
    return undefined; // Not UTF-8: the caller says which part of the token it was.
  }
}

/** The same for a segment of which nothing is known yet. */
export function readJsonText(segment: string): string | undefined {
  return segment.length <= maxTextBytes && isBase64url(segment) ? decodeJsonText(segment) : undefined;
}
