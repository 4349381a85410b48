import { JwtError } from "./jwt-error.ts";

const p = 2n ** 255n - 19n;
const signBit = 1n << 255n;

/** The y coordinates of the eight points of small order: signatures by such a key hold for many messages. */
const smallOrderY: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  p - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
]);

/** Refuses an Ed25519 public key that is not the canonical encoding of a point (RFC 8032 §5.1.3) or is one of small order. */
export function assertSoundEd25519Point(encoded: Uint8Array): void {
  const y = BigInt(`0x${Buffer.from(encoded.toReversed()).toString("hex")}`) & ~signBit;
  if (y >= p) throw new JwtError("invalid_key", "The Ed25519 public key is not canonically encoded.");
  if (smallOrderY.has(y)) throw new JwtError("weak_key", "The Ed25519 public key is a point of small order.");
}
