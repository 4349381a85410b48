import type { Jwk, JwtAlgorithm } from "@latchkey/jwt";
import { exportPublicJwk, importVerificationJwk, JwtError, jwkThumbprint, signJwtRemotely } from "@latchkey/jwt";

import { AuthError, ConfigurationError, KeyServiceError } from "../errors.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { SealedKey } from "../ports/key-store.ts";
import type { SigningService } from "../ports/signing-service.ts";
import type { AccessKey, AccessKeyPurpose } from "./access-key.ts";

/**
 * What the store holds of a key in a signing service. Nothing of it is secret; it is sealed all the same, so that nobody who writes to the
 * database can publish a key of their own.
 */
export interface ServiceKeyRecord {
  readonly service: string;
  readonly reference: string;
  readonly publicJwk: Jwk;
}

export interface MadeServiceKey {
  readonly key: SealedKey;
  /** It came too late, and is not in the store. Never rejects. */
  discard(): Promise<void>;
}

/** @throws KeyServiceError */
export async function makeServiceKey(
  { sealer, service }: { readonly sealer: KeySealer; readonly service: SigningService },
  alg: JwtAlgorithm,
  purpose: AccessKeyPurpose = "access-token",
): Promise<MadeServiceKey> {
  const { reference, publicJwk } = await service.createKey(alg);
  const discard = (): Promise<void> => service.destroyKey(reference).catch(leftOver);
  try {
    const kid = jwkThumbprint(publicJwk);
    // Refuses a weak key, and one of another kind.
    importVerificationJwk(publicJwk, { alg, kid });
    const record: ServiceKeyRecord = { service: service.name, reference, publicJwk };
    const sealed = await sealer.seal(Buffer.from(JSON.stringify(record)), { purpose, kid, alg });
    return { key: { kid, purpose, alg, sealed }, discard };
  } catch (error) {
    await discard();
    if (!(error instanceof JwtError)) throw error;
    throw new KeyServiceError(`${service.name} made no key that is good for ${alg} (${error.code}).`);
  }
}

export function parseServiceKey(opened: Partial<ServiceKeyRecord>): ServiceKeyRecord | undefined {
  const { service, reference, publicJwk } = opened;
  if (service === undefined || reference === undefined || publicJwk === undefined) return undefined;
  return { service, reference, publicJwk };
}

/** @throws ConfigurationError where another service would be needed */
export function openServiceKey(
  kid: string,
  { alg, record }: { readonly alg: JwtAlgorithm; readonly record: ServiceKeyRecord },
  service: SigningService | undefined,
): AccessKey {
  const { reference, publicJwk } = record;
  if (service?.name !== record.service) {
    throw new ConfigurationError(
      `The key ${kid} is in the signing service ${record.service}. Give the authority that service, until the key is retired.`,
    );
  }
  const verificationKey = importVerificationJwk(publicJwk, { alg, kid });
  const signer = { verificationKey, sign: (input: Uint8Array) => service.sign(reference, alg, input) };
  return {
    alg,
    verificationKey,
    publicJwk: exportPublicJwk(verificationKey),
    async sign(claims, options) {
      try {
        return await signJwtRemotely(claims, signer, options);
      } catch (error) {
        const isForeign = error instanceof JwtError && error.code === "invalid_signature";
        if (!isForeign && !(error instanceof KeyServiceError)) throw error;
        const cause = isForeign ? new KeyServiceError(`${service.name} signed with another key than ${kid}.`) : error;
        throw new AuthError("unavailable", {}, { cause });
      }
    },
    destroy: () => service.destroyKey(reference).catch(leftOver),
  };
}

/** A key that nothing refers to is of no use to anybody; whoever looks after the service may remove it. */
function leftOver(): void {}
