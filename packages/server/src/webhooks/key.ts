import { createHmac, createPrivateKey, createPublicKey, createSecretKey, sign } from "node:crypto";

/** A key of the Standard Webhooks specification, out of sight. */
export interface WebhookKey {
  /** One signature, as it stands in the header: its scheme, a comma, and base64. */
  sign(content: string): string;
}

const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
const SEED_BYTES = 32;
/** What comes before the seed of an Ed25519 key in PKCS #8 (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * The key in a secret as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes for HMAC-SHA-256 (`v1`), or `whsk_` and an
 * Ed25519 private key (`v1a`): its 32 bytes, or these and the public key's. `undefined` for anything else.
 */
export function parseWebhookSecret(secret: string): WebhookKey | undefined {
  const [, kind, encoded = ""] = /^(whsec|whsk)_(.*)$/s.exec(secret) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, "")) return undefined;
  if (kind === "whsec") return createSharedKey(bytes);
  return kind === "whsk" ? createKeyPair(bytes) : undefined;
}

function createSharedKey(bytes: Buffer): WebhookKey | undefined {
  if (bytes.length < MIN_SECRET_BYTES || bytes.length > MAX_SECRET_BYTES) return undefined;
  const key = createSecretKey(bytes);
  return { sign: (content) => `v1,${createHmac("sha256", key).update(content).digest("base64")}` };
}

/** A public key that is not the private one's would say that somebody has pasted two halves together. */
function createKeyPair(bytes: Buffer): WebhookKey | undefined {
  const seed = bytes.subarray(0, SEED_BYTES);
  if (seed.length !== SEED_BYTES) return undefined;
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-SEED_BYTES);
  if (bytes.length !== SEED_BYTES && !bytes.subarray(SEED_BYTES).equals(publicKey)) return undefined;
  return { sign: (content) => `v1a,${sign(null, Buffer.from(content), key).toString("base64")}` };
}
