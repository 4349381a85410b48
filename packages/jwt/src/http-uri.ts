const maxUriLength = 4096;

// Absolute, and of nothing but visible ASCII: the URL parser would drop tabs and take a backslash for a slash.
const absoluteHttpUri = /^https?:\/\/[^\s\\]+$/i;

/**
 * An HTTP URI as it is compared in a proof (RFC 9449 §4.3): without query and fragment, after syntax-based and
 * scheme-based normalisation (RFC 3986 §6.2.2, §6.2.3). Undefined where it is none, or holds a user name.
 */
export function normalizeHttpUri(text: string): string | undefined {
  if (text.length > maxUriLength || !absoluteHttpUri.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return undefined;
  // The parser has put scheme and host into lower case, dropped the scheme's own port and resolved dot segments.
  return url.origin + url.pathname.replaceAll(/%[0-9a-f]{2}/gi, normalizeEscape);
}

/** An escape that stands for an unreserved character is that character (RFC 3986 §6.2.2.2); others are in upper case. */
function normalizeEscape(escape: string): string {
  const character = String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
}
