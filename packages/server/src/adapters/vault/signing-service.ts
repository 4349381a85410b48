import { createPublicKey, randomBytes } from "node:crypto";

import { ConfigurationError, KeyServiceError } from "../../errors.ts";
import type { ServiceKey, SigningService } from "../../ports/signing-service.ts";
import type { VaultClient, VaultConnection } from "./client.ts";
import { createVaultClient, unexpected } from "./client.ts";

type Algorithm = Parameters<SigningService["createKey"]>[0];
type Jwk = ServiceKey["publicJwk"];

export interface VaultSigningOptions extends VaultConnection {
  /** Of a transit secrets engine. Each signing key is a key of its own in it, with a name that begins with `latchkey-`. */
  readonly mount: string;
}

/** The transit engine's type of key, and how it is asked to sign. */
const METHODS: Readonly<
  Partial<Record<Algorithm, { readonly type: string; readonly hash?: string; readonly body: object }>>
> = {
  ES256: { type: "ecdsa-p256", hash: "sha2-256", body: { marshaling_algorithm: "jws" } },
  ES384: { type: "ecdsa-p384", hash: "sha2-384", body: { marshaling_algorithm: "jws" } },
  ES512: { type: "ecdsa-p521", hash: "sha2-512", body: { marshaling_algorithm: "jws" } },
  RS256: { type: "rsa-3072", hash: "sha2-256", body: { signature_algorithm: "pkcs1v15" } },
  PS256: { type: "rsa-3072", hash: "sha2-256", body: { signature_algorithm: "pss", salt_length: "hash" } },
  EdDSA: { type: "ed25519", body: {} },
  Ed25519: { type: "ed25519", body: {} },
};

/** An RSA key takes its time. */
const CREATION_TIMEOUT_MS = 10_000;

/** A key is replaced by another, never rotated in Vault: a `kid` is one public key. */
const KEY_VERSION = 1;

/** Vault's transit engine, or OpenBao's, makes the signing keys and signs. Their private halves never leave it. */
export function createVaultSigningService({ mount, ...connection }: VaultSigningOptions): SigningService {
  const client = createVaultClient(connection);
  if (mount === "") throw new ConfigurationError("vault-transit: needs a mount, as in vault-transit:transit");
  const keyPath = (reference: string): readonly string[] => [mount, "keys", reference];
  return {
    name: `vault-transit:${mount}`,

    async createKey(alg) {
      const reference = `latchkey-${randomBytes(12).toString("hex")}`;
      await client.ask({
        method: "POST",
        path: keyPath(reference),
        body: { type: methodOf(alg).type, exportable: false },
        timeoutMs: CREATION_TIMEOUT_MS,
      });
      const { keys } = await client.ask({ method: "GET", path: keyPath(reference) });
      const version = (keys as Readonly<Record<string, { readonly public_key?: unknown }>> | undefined)?.[KEY_VERSION];
      return { reference, publicJwk: publicJwkOf(client, version?.public_key) };
    },

    async sign(reference, alg, input) {
      const { hash, body } = methodOf(alg);
      const { signature } = await client.ask({
        method: "POST",
        path: [mount, "sign", reference, ...(hash === undefined ? [] : [hash])],
        body: { ...body, input: Buffer.from(input).toString("base64"), key_version: KEY_VERSION },
      });
      const [, text] = /^vault:v\d+:([\w+/=-]+)$/.exec(String(signature)) ?? [];
      if (text === undefined) throw unexpected(client.address, "sign");
      // Of ECDSA in base64url, of all others in base64: this reads both.
      return Buffer.from(text, "base64url");
    },

    async destroyKey(reference) {
      await client.ask({ method: "POST", path: [...keyPath(reference), "config"], body: { deletion_allowed: true } });
      await client.ask({ method: "DELETE", path: keyPath(reference) });
    },
  };
}

function methodOf(alg: Algorithm): NonNullable<(typeof METHODS)[Algorithm]> {
  const method = METHODS[alg];
  if (method === undefined) throw new KeyServiceError(`Vault's transit engine makes no keys for ${alg}.`);
  return method;
}

/** PEM, but of Ed25519 the 32 octets in base64. */
function publicJwkOf(client: VaultClient, publicKey: unknown): Jwk {
  const text = typeof publicKey === "string" ? publicKey : "";
  if (/^[\w+/]{43}=$/.test(text)) {
    return { kty: "OKP", crv: "Ed25519", x: Buffer.from(text, "base64").toString("base64url") };
  }
  try {
    return createPublicKey(text).export({ format: "jwk" }) as Jwk;
  } catch {
    throw unexpected(client.address, "a new key");
  }
}
