/**
 * One piece of memory for all tokens: a token's text is written here once, hashed here and verified here, without a
 * buffer being allocated for it. It is safe because everything between the write and the verdict is synchronous
 * and calls no code of the user's; a signature or a key source that could run in between is called before the write.
 */

/** The longest token that can be signed or verified, in bytes. Headers of HTTP servers end at 8 to 64 KiB. */
export const maxTextBytes = 65_536;

/** Room in front of the text, for the padded key block of an HMAC. */
export const textStart = 128;

// 8 bytes more than the longest text: a text that is not ASCII always comes out longer than it has characters.
export const workspace: Buffer = Buffer.allocUnsafeSlow(textStart + maxTextBytes + 8);

/**
 * Writes `text` to the workspace and tells whether it was ASCII. Every other character takes two bytes or more in UTF-8. (A
 * Latin-1 write would be as quick, but turns U+0141 into `A`.)
 */
export function writeAscii(text: string): boolean {
  return workspace.write(text, textStart, "utf8") === text.length;
}

/** Views are kept for texts shorter than this. */
export const maxViewedLength = 4096;

/**
 * Keeps the views that `view` makes for a length of text. Making one costs as much as hashing 64 bytes, and the access tokens of an
 * issuer come in few lengths.
 */
export function createViews(view: (length: number) => Buffer): (length: number) => Buffer {
  const views: (Buffer | undefined)[] = [];
  return (length) => (length < maxViewedLength ? (views[length] ??= view(length)) : view(length));
}

/** The first `length` bytes of the text. */
export const textView: (length: number) => Buffer = createViews((length) =>
  workspace.subarray(textStart, textStart + length),
);
