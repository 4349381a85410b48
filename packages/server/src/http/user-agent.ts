/** How much of it is kept, in characters. */
const MAX_LENGTH = 256;

/**
 * The `User-Agent` of a request as it is kept and shown: of bounded length, and without anything that could break a line, move
 * a cursor or turn text around (control and format characters). Null where nothing is left.
 */
export function readUserAgent(headers: Headers): string | null {
  const sent = headers.get("user-agent")?.slice(0, 4 * MAX_LENGTH) ?? "";
  const kept = sent
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "")
    .slice(0, MAX_LENGTH)
    .trim();
  return kept === "" ? null : kept;
}
