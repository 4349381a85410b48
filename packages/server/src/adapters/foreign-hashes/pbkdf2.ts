import { decodeBase64, decodeHex } from "./base64.ts";
import { equalBytes } from "./equal-bytes.ts";
import type { ForeignHash, ParseForeignHash } from "./foreign-hash.ts";

type Digest = "sha1" | "sha256" | "sha512";

interface Pbkdf2 {
  readonly digest: string;
  readonly iterations: number;
  readonly salt: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
}

/** Django doubles its count every few years; this is above what it will ask for in the near future. */
const MAX_ITERATIONS = 2_000_000;

/** A longer key is computed in parts, each of which takes as long as the first. */
const MAX_KEY_BYTES: Readonly<Record<Digest, number>> = { sha1: 40, sha256: 64, sha512: 64 };

const MIN_KEY_BYTES = 16;

/**
 * PBKDF2, as a PHC string (`$pbkdf2-sha256$i=600000$…`), as passlib writes it (`$pbkdf2-sha256$600000$…`), Django, Werkzeug,
 * and the two versions of ASP.NET Identity.
 */
export const parsePbkdf2: ParseForeignHash = (text) => {
  const phc = /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,8})(?:,l=\d{1,3})?\$([^$]+)\$([^$]+)$/.exec(text);
  if (phc !== null) {
    const [, digest = "sha1", iterations, salt = "", key = ""] = phc;
    return pbkdf2Hash({ digest, iterations: Number(iterations), salt: decodeBase64(salt), key: decodeBase64(key) });
  }
  const django = /^pbkdf2_(sha1|sha256)\$(\d{1,8})\$([^$]+)\$([^$]+)$/.exec(text);
  if (django !== null) {
    const [, digest = "", iterations, salt = "", key = ""] = django;
    return pbkdf2Hash({ digest, iterations: Number(iterations), salt: Buffer.from(salt), key: decodeBase64(key) });
  }
  const werkzeug = /^pbkdf2:(sha1|sha256|sha512):(\d{1,8})\$([^$]+)\$([^$]+)$/.exec(text);
  if (werkzeug !== null) {
    const [, digest = "", iterations, salt = "", key = ""] = werkzeug;
    return pbkdf2Hash({ digest, iterations: Number(iterations), salt: Buffer.from(salt), key: decodeHex(key) });
  }
  return parseAspNetIdentity(text);
};

/** Their numbers for what is called a pseudo-random function there. */
const ASP_NET_DIGESTS = ["sha1", "sha256", "sha512"];

function parseAspNetIdentity(text: string): ForeignHash | undefined {
  // Told from other base64 by its first byte: the version, 0 or 1.
  if (!/^A[A-Q][A-Za-z0-9+/]{40,400}={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes[0] === 0) {
    if (bytes.length !== 49) return undefined;
    return pbkdf2Hash({ digest: "sha1", iterations: 1_000, salt: bytes.subarray(1, 17), key: bytes.subarray(17) });
  }
  if (bytes[0] !== 1) return undefined;
  const [digest = "", iterations, saltLength] = [
    ASP_NET_DIGESTS[bytes.readUInt32BE(1)],
    bytes.readUInt32BE(5),
    bytes.readUInt32BE(9),
  ];
  const [salt, key] = [bytes.subarray(13, 13 + saltLength), bytes.subarray(13 + saltLength)];
  return pbkdf2Hash({ digest, iterations, salt, key });
}

function pbkdf2Hash({ digest, iterations, salt, key }: Pbkdf2): ForeignHash | undefined {
  if (!isDigest(digest) || iterations < 1 || iterations > MAX_ITERATIONS) return undefined;
  if (salt === undefined || key === undefined) return undefined;
  if (key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES[digest]) return undefined;
  return {
    verify: async (password, derivations) =>
      equalBytes(await derivations.pbkdf2({ password, salt, iterations, digest, keyBytes: key.length }), key),
  };
}

function isDigest(text: string): text is Digest {
  return Object.hasOwn(MAX_KEY_BYTES, text);
}
