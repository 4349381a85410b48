import type { KMSClient } from "@aws-sdk/client-kms";

import { KeyServiceError } from "../../errors.ts";
import type { SealContext } from "../../ports/key-sealer.ts";
import type { KeyWrapper } from "../../ports/master-secret.ts";
import { loadPackage } from "../load-package.ts";
import type { AwsClientOptions } from "./client.ts";
import { awsError, PATIENCE } from "./client.ts";

export interface AwsKeyWrapperOptions extends AwsClientOptions {
  /** A symmetric key's id, ARN or `alias/…`; written the same way on every node. */
  readonly keyId: string;
}

/** AWS KMS wraps data keys. What each is for is its encryption context, and so in CloudTrail. */
export function createAwsKeyWrapper({ keyId: KeyId, ...options }: AwsKeyWrapperOptions): KeyWrapper {
  const load = () => loadPackage("@aws-sdk/client-kms", () => import("@aws-sdk/client-kms"));
  // Kept: a node asks for all its keys at once, over one connection.
  let client: KMSClient | undefined;
  return {
    name: `aws-kms:${KeyId}`,
    async wrap(Plaintext, context) {
      const sdk = await load();
      client ??= new sdk.KMSClient({ ...options, ...PATIENCE });
      try {
        const command = new sdk.EncryptCommand({ KeyId, Plaintext, EncryptionContext: encryptionContext(context) });
        return bytesOf((await client.send(command)).CiphertextBlob);
      } catch (error) {
        throw awsError(`encrypt with the key ${KeyId}`, error);
      }
    },
    async unwrap(CiphertextBlob, context) {
      const sdk = await load();
      client ??= new sdk.KMSClient({ ...options, ...PATIENCE });
      try {
        const command = new sdk.DecryptCommand({
          KeyId,
          CiphertextBlob,
          EncryptionContext: encryptionContext(context),
        });
        return bytesOf((await client.send(command)).Plaintext);
      } catch (error) {
        throw awsError(`decrypt with the key ${KeyId}`, error);
      }
    },
  };
}

function encryptionContext({ purpose, kid, alg }: SealContext): Record<string, string> {
  return { application: "latchkey", purpose, kid, alg };
}

function bytesOf(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new KeyServiceError("AWS KMS answered without a key.");
  return bytes;
}
