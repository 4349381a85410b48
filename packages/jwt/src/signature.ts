import { type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import type { HashName } from "./algorithms.ts";
import { decodeAsciiSegment } from "./base64url.ts";
import { createScratchBuffer } from "./scratch-buffer.ts";

/**
 * Verifies and makes signatures over the text in the workspace, with one key and the one algorithm it was bound to. Nothing
 * here looks at a token's header.
 */
export interface SignatureVerifier {
  /** The length of a signature in base64url: where the signature begins follows from the key, not from the token. */
  readonly signatureChars: number;
  /**
   * Whether `token`, which stands in the workspace, ends in the signature of its first `inputLength` bytes. The token has been
   * found to be ASCII without `+` and `/`, and to have `signatureChars` characters after the dot at `inputLength`.
   */
  verify(token: string, inputLength: number): boolean;
}

export interface SignatureSigner {
  /** The signature of the first `inputLength` bytes in the workspace, in base64url. */
  sign(inputLength: number): string;
  /** Undefined where to ask a thread would take longer than to sign. */
  readonly pooled?: PooledSigner;
}

/** Signs in a thread of libuv's pool, so that this one goes on meanwhile. */
export interface PooledSigner {
  /** How many must be wanted at once to be worth it. To hand one over takes 6 to 11 µs, and the waking of a thread. */
  readonly worthItFrom: number;
  /** The signature of `input`, in base64url. */
  sign(input: Uint8Array): Promise<string>;
}

export const signInPool: (hash: HashName | null, input: Uint8Array, privateKey: KeyObject) => Promise<Buffer> =
  promisify(sign);

export function base64urlChars(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

// Room for a signature of the largest RSA key that may be imported.
const decoded = createScratchBuffer(2048);
const decodedViews = new Map<number, Buffer>();

/**
 * Decodes the signature at the end of a token; undefined unless it is `bytes` octets in strict base64url. Valid until the
 * next call.
 */
export function decodeSignature(token: string, start: number, bytes: number): Buffer | undefined {
  if (decodeAsciiSegment(token.slice(start), decoded) !== bytes) return undefined;
  let view = decodedViews.get(bytes);
  if (view === undefined) {
    view = decoded.subarray(0, bytes);
    decodedViews.set(bytes, view);
  }
  return view;
}
