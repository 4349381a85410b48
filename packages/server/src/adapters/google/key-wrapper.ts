import type { KeyManagementServiceClient } from "@google-cloud/kms";

import { ConfigurationError, KeyServiceError } from "../../errors.ts";
import type { SealContext } from "../../ports/key-sealer.ts";
import type { KeyWrapper } from "../../ports/master-secret.ts";
import { loadPackage } from "../load-package.ts";
import type { GoogleClientOptions } from "./client.ts";
import { askGoogle, PATIENCE, restOptions } from "./client.ts";

export interface GoogleKeyWrapperOptions extends GoogleClientOptions {
  /** A symmetric key: `projects/…/locations/…/keyRings/…/cryptoKeys/…`, without a version, so that it may be rotated there. */
  readonly key: string;
}

/**
 * Google Cloud KMS wraps data keys. What each is for is its additional authenticated data.
 *
 * @throws ConfigurationError
 */
export function createGoogleKeyWrapper({ key: name, ...options }: GoogleKeyWrapperOptions): KeyWrapper {
  if (!/^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/.test(name)) {
    throw new ConfigurationError(
      "google-kms: needs a key's name, as in google-kms:projects/mine/locations/europe/keyRings/mine/cryptoKeys/latchkey",
    );
  }
  const rest = restOptions(options);
  let client: KeyManagementServiceClient | undefined;
  const ask = async <T>(what: string, verb: (kms: KeyManagementServiceClient) => Promise<T>): Promise<T> => {
    const sdk = await loadPackage("@google-cloud/kms", () => import("@google-cloud/kms"));
    const kms = (client ??= new sdk.KeyManagementServiceClient(rest));
    try {
      return await askGoogle(what, kms, () => verb(kms));
    } catch (error) {
      // A client that once found no credentials never looks for them again.
      if (client === kms) client = undefined;
      throw error;
    }
  };
  return {
    name: `google-kms:${name}`,
    async wrap(plaintext, context) {
      const request = { name, plaintext, additionalAuthenticatedData: bound(context) };
      const [{ ciphertext }] = await ask(`encrypt with the key ${name}`, (kms) => kms.encrypt(request, PATIENCE));
      return bytesOf(ciphertext);
    },
    async unwrap(ciphertext, context) {
      const request = { name, ciphertext, additionalAuthenticatedData: bound(context) };
      const [{ plaintext }] = await ask(`decrypt with the key ${name}`, (kms) => kms.decrypt(request, PATIENCE));
      return bytesOf(plaintext);
    },
  };
}

function bound({ purpose, kid, alg }: SealContext): Uint8Array {
  return Buffer.from(["latchkey", purpose, kid, alg].join("\n"));
}

function bytesOf(bytes: Uint8Array | string | null | undefined): Uint8Array {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
    throw new KeyServiceError("Google Cloud KMS answered without a key.");
  }
  return bytes;
}
