/**
 * PostgreSQL's text holds every character but NUL, and refuses the whole statement for one. Names, devices and addresses
 * come from outside, so NUL must neither be lost nor be an error: it is stored as two characters, and U+0001, which begins
 * them, as two as well. All other text is stored as it is, and no two texts are stored alike.
 */
export function toText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  return /[\0\u0001]/.test(text) ? text.replaceAll("\u0001", "\u00011").replaceAll("\0", "\u00010") : text;
}

export function fromText(stored: string): string {
  if (!stored.includes("\u0001")) return stored;
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  return stored.replaceAll(/\u0001([01])/g, (_pair, which: string) => (which === "0" ? "\0" : "\u0001"));
}

export function toNullableText(text: string | null): string | null {
  return text === null ? null : toText(text);
}

export function fromNullableText(stored: unknown): string | null {
  return typeof stored === "string" ? fromText(stored) : null;
}
