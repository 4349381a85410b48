/**
 * Standard base64, with or without padding, or with passlib's `.` in place of `+`. `undefined` for anything else and for
 * nothing.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+./]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text.replaceAll(".", "+"), "base64");
  return bytes.length === 0 ? undefined : bytes;
}

/** `undefined` for anything but pairs of hexadecimal digits. */
export function decodeHex(text: string): Uint8Array | undefined {
  return /^([0-9A-Fa-f]{2})+$/.test(text) ? Buffer.from(text, "hex") : undefined;
}
