import { JwtError } from "./jwt-error.ts";

const minModulusBits = 2048;
// Verifying with a key of this size takes about a millisecond; larger ones serve to keep a server busy.
const maxModulusBits = 16_384;
const maxExponentBytes = 8;

/**
 * Refuses RSA keys that are too weak to sign with: under 2048 bits (RFC 7518 §3.3), an even exponent or one of 1 (every
 * message is then its own signature), an even modulus, or a modulus made by the library of CVE-2017-15361 (ROCA).
 * Both numbers are big-endian without leading zeros.
 */
export function assertStrongRsaKey(modulus: Uint8Array, exponent: Uint8Array): void {
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < minModulusBits) {
    throw new JwtError("weak_key", `An RSA key of ${bits} bits is too short: use ${minModulusBits} bits or more.`);
  }
  if (bits > maxModulusBits) {
    throw new JwtError("weak_key", `An RSA key of ${bits} bits takes too long: use ${maxModulusBits} bits at most.`);
  }
  if (((modulus.at(-1) ?? 0) & 1) === 0) throw new JwtError("weak_key", "The RSA modulus is even.");
  if (((exponent.at(-1) ?? 0) & 1) === 0) throw new JwtError("weak_key", "The RSA exponent is even.");
  if (exponent.length === 1 && exponent[0] === 1) throw new JwtError("weak_key", "The RSA exponent is 1: use 65537.");
  if (exponent.length > maxExponentBytes) {
    throw new JwtError("weak_key", "The RSA exponent is longer than 64 bits: use 65537.");
  }
  if (hasRocaForm(modulus)) {
    throw new JwtError("weak_key", "The RSA modulus has the form of CVE-2017-15361 (ROCA): make a new key.");
  }
}

/** For each small prime, which residues are powers of 65537: the moduli of ROCA keys have no others. */
const powersOf65537: ReadonlyMap<number, ReadonlySet<number>> = new Map(
  [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
  ].map((prime) => {
    const powers = new Set<number>();
    for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
    return [prime, powers];
  }),
);

/** Nemec et al., "The Return of Coppersmith's Attack" (2017), §5: the fingerprint; an honest key has it once in 2²⁷. */
function hasRocaForm(modulus: Uint8Array): boolean {
  for (const [prime, powers] of powersOf65537) {
    let residue = 0;
    for (const byte of modulus) residue = (residue * 256 + byte) % prime;
    if (!powers.has(residue)) return false;
  }
  return true;
}
