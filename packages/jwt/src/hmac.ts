import { hash, timingSafeEqual } from "node:crypto";
import type { HmacAlgorithm } from "./algorithms.ts";
import { createScratchBuffer } from "./scratch-buffer.ts";
import { base64urlChars, type SignatureSigner, type SignatureVerifier } from "./signature.ts";
import { maxViewedLength, textStart, workspace } from "./workspace.ts";

export interface Hmac {
  readonly verifier: SignatureVerifier;
  readonly signer: SignatureSigner;
}

/** For one length of text: the padded key with the text, and the signature behind it. */
interface HmacViews {
  readonly inner: Buffer;
  readonly presented: Buffer;
}

/**
 * HMAC (RFC 2104) as two one-shot hashes: `H(opad ‖ H(ipad ‖ text))`, the inner block placed in front of the text in the
 * workspace. 0.83 µs for an access token, against 1.6 for `createHmac` with a KeyObject and 12.9 with a Buffer.
 */
export function createHmac(row: HmacAlgorithm, secret: Uint8Array): Hmac {
  const { blockBytes, hashBytes, hash: hashName } = row;
  const block = Buffer.alloc(blockBytes);
  block.set(secret.length > blockBytes ? hash(hashName, secret, "buffer") : secret);
  const innerBlock = block.map((byte) => byte ^ 0x36);
  const outer = createScratchBuffer(blockBytes + hashBytes);
  outer.set(block.map((byte) => byte ^ 0x5c));
  const innerStart = textStart - blockBytes;
  const signatureChars = base64urlChars(hashBytes);
  const expected = createScratchBuffer(signatureChars);
  const views: HmacViews[] = [];

  function viewsOf(inputLength: number): HmacViews {
    const end = textStart + inputLength;
    const made = {
      inner: workspace.subarray(innerStart, end),
      presented: workspace.subarray(end + 1, end + 1 + signatureChars),
    };
    if (inputLength < maxViewedLength) views[inputLength] = made;
    return made;
  }

  function sign(inputLength: number): string {
    workspace.set(innerBlock, innerStart);
    // A string of Latin-1 ("binary" in this one API) costs half as much as a Buffer (0.5 µs against 1.0).
    outer.latin1Write(hash(hashName, (views[inputLength] ?? viewsOf(inputLength)).inner, "binary"), blockBytes);
    return hash(hashName, outer, "base64url");
  }

  function verify(_token: string, inputLength: number): boolean {
    // Both sides are compared as text, so a second spelling of the same octets is a wrong signature.
    expected.latin1Write(sign(inputLength), 0);
    return timingSafeEqual(expected, (views[inputLength] ?? viewsOf(inputLength)).presented);
  }

  return { verifier: { signatureChars, verify }, signer: { sign } };
}
