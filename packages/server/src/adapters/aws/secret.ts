import { ConfigurationError } from "../../errors.ts";
import type { SecretProvider } from "../../ports/master-secret.ts";
import { loadPackage } from "../load-package.ts";
import type { AwsClientOptions } from "./client.ts";
import { awsError, PATIENCE } from "./client.ts";

export interface AwsSecretOptions extends AwsClientOptions {
  /** The secret's name or ARN. */
  readonly secretId: string;
}

/** A master secret in AWS Secrets Manager: its text, or its octets. */
export function createAwsSecret({ secretId, ...options }: AwsSecretOptions): SecretProvider {
  return {
    name: `aws-sm:${secretId}`,
    async read() {
      const sdk = await loadPackage("@aws-sdk/client-secrets-manager", () => import("@aws-sdk/client-secrets-manager"));
      const client = new sdk.SecretsManagerClient({ ...options, ...PATIENCE });
      try {
        const { SecretString: text, SecretBinary: bytes } = await client.send(
          new sdk.GetSecretValueCommand({ SecretId: secretId }),
        );
        if (text === undefined && bytes === undefined)
          throw new ConfigurationError(`AWS's secret ${secretId} is empty.`);
        return text ?? bytes ?? "";
      } catch (error) {
        if (error instanceof ConfigurationError) throw error;
        throw awsError(`give the secret ${secretId}`, error);
      } finally {
        client.destroy();
      }
    },
  };
}
