import { ConfigurationError, KeyServiceError } from "../../errors.ts";

/** Given to each client: whoever waits for it is a user who signs in. */
export const PATIENCE = { retryOptions: { maxRetries: 1, retryDelayInMs: 100 } };

/** Of all, finding credentials too. */
const DEADLINE_MS = 5_000;

/** Something in a vault, by the identifier that Azure gives it: `https://VAULT/KIND/NAME/VERSION`. */
export interface AzurePlace {
  readonly vaultUrl: string;
  readonly name: string;
  readonly version: string | undefined;
}

/** @throws ConfigurationError */
export function parsePlace(id: string, kind: "secrets" | "keys"): AzurePlace {
  const [, vaultUrl, found, name, version] = /^(https:\/\/[\w.-]+)\/(\w+)\/([\w-]+)(?:\/(\w+))?$/.exec(id) ?? [];
  if (vaultUrl === undefined || name === undefined || found !== kind) {
    throw new ConfigurationError(
      `Azure Key Vault: needs an identifier of one of its ${kind}, as in https://mine.vault.azure.net/${kind}/latchkey.`,
    );
  }
  return { vaultUrl, name, version };
}

/**
 * What was asked for. Of an error its code alone is told: it holds the request, and that the token.
 *
 * @throws KeyServiceError
 */
export async function askAzure<T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await call(AbortSignal.timeout(DEADLINE_MS));
  } catch (error) {
    throw new KeyServiceError(
      `Azure Key Vault did not ${what} (${codeOf(error)}). Check the identifier, the credentials and their role.`,
    );
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && /^\w{1,40}$/.test(code) ? code : error.name;
}
