// Two coordinates of P-521 with their headers, and the header of the sequence.
export const maxDerBytes: number = 2 * (66 + 3) + 3;

/** Writes R ‖ S as the DER sequence of two integers that OpenSSL reads, and gives the length of it. */
export function p1363ToDer(signature: Buffer, der: Buffer): number {
  const coordinateBytes = signature.length >> 1;
  const rStart = firstSignificant(signature, 0, coordinateBytes);
  const sStart = firstSignificant(signature, coordinateBytes, signature.length);
  const rBytes = integerBytes(signature, rStart, coordinateBytes);
  const sBytes = integerBytes(signature, sStart, signature.length);
  const content = 4 + rBytes + sBytes;
  let at = 0;
  der[at++] = 0x30;
  if (content >= 0x80) der[at++] = 0x81;
  der[at++] = content;
  at = writeIntegerHeader(der, at, rBytes, rBytes - (coordinateBytes - rStart));
  at += signature.copy(der, at, rStart, coordinateBytes);
  at = writeIntegerHeader(der, at, sBytes, sBytes - (signature.length - sStart));
  return at + signature.copy(der, at, sStart);
}

/** Keeps one octet of a zero: the integer 0 is for OpenSSL to refuse. */
function firstSignificant(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end - 1 && bytes[at] === 0) at++;
  return at;
}

/** One more where the first octet would otherwise read as a sign. */
function integerBytes(bytes: Uint8Array, start: number, end: number): number {
  return end - start + ((bytes[start] ?? 0) >> 7);
}

function writeIntegerHeader(der: Buffer, start: number, bytes: number, leadingZeros: number): number {
  der[start] = 0x02;
  der[start + 1] = bytes;
  if (leadingZeros > 0) der[start + 2] = 0;
  return start + 2 + leadingZeros;
}

/** Fills `signature` with R ‖ S of a DER signature that OpenSSL has just made. */
export function derToP1363(der: Buffer, signature: Buffer): void {
  const coordinateBytes = signature.length >> 1;
  // A sequence of 128 bytes or more (P-521) has its length in a second octet.
  const r = (der[1] ?? 0) >= 0x80 ? 3 : 2;
  const s = r + 2 + (der[r + 1] ?? 0);
  signature.fill(0);
  readInteger(der, r, signature, coordinateBytes);
  readInteger(der, s, signature, 2 * coordinateBytes);
}

function readInteger(der: Buffer, at: number, signature: Buffer, end: number): void {
  const bytes = der[at + 1] ?? 0;
  const padding = der[at + 2] === 0 ? 1 : 0;
  der.copy(signature, end - bytes + padding, at + 2 + padding, at + 2 + bytes);
}
