import { ConfigurationError } from "../../errors.ts";
import type { SecretProvider } from "../../ports/master-secret.ts";
import { loadPackage } from "../load-package.ts";
import { askAzure, parsePlace, PATIENCE } from "./client.ts";

export interface AzureSecretOptions {
  /** `https://mine.vault.azure.net/secrets/…`, its latest version, or with a version that one. */
  readonly id: string;
}

/**
 * A master secret in Azure Key Vault.
 *
 * @throws ConfigurationError
 */
export function createAzureSecret({ id }: AzureSecretOptions): SecretProvider {
  const { vaultUrl, name, version } = parsePlace(id, "secrets");
  return {
    name: `azure-secret:${id}`,
    async read() {
      const [{ DefaultAzureCredential }, { SecretClient }] = await Promise.all([
        loadPackage("@azure/identity", () => import("@azure/identity")),
        loadPackage("@azure/keyvault-secrets", () => import("@azure/keyvault-secrets")),
      ]);
      const client = new SecretClient(vaultUrl, new DefaultAzureCredential(PATIENCE), PATIENCE);
      const { value } = await askAzure(`give the secret ${id}`, (abortSignal) =>
        client.getSecret(name, { abortSignal, ...(version !== undefined && { version }) }),
      );
      if (value === undefined || value === "") throw new ConfigurationError(`Azure's secret ${id} is empty.`);
      return value;
    },
  };
}
