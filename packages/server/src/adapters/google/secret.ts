import { ConfigurationError } from "../../errors.ts";
import type { SecretProvider } from "../../ports/master-secret.ts";
import { loadPackage } from "../load-package.ts";
import type { GoogleClientOptions } from "./client.ts";
import { askGoogle, PATIENCE, restOptions } from "./client.ts";

export interface GoogleSecretOptions extends GoogleClientOptions {
  /** `projects/…/secrets/…`, its latest version, or with `/versions/…` that one. */
  readonly secret: string;
}

/**
 * A master secret in Google Secret Manager: text.
 *
 * @throws ConfigurationError
 */
export function createGoogleSecret({ secret, ...options }: GoogleSecretOptions): SecretProvider {
  const [, version] =
    /^projects\/[^/]+(?:\/locations\/[^/]+)?\/secrets\/[^/]+(\/versions\/[^/]+)?$/.exec(secret) ?? invalidName();
  const name = version === undefined ? `${secret}/versions/latest` : secret;
  const rest = restOptions(options);
  return {
    name: `google-sm:${secret}`,
    async read() {
      const sdk = await loadPackage("@google-cloud/secret-manager", () => import("@google-cloud/secret-manager"));
      const client = new sdk.SecretManagerServiceClient(rest);
      const [{ payload }] = await askGoogle(`give the secret ${secret}`, client, () =>
        client.accessSecretVersion({ name }, PATIENCE),
      );
      const text = Buffer.from(payload?.data ?? "").toString();
      if (text === "") throw new ConfigurationError(`Google's secret ${secret} is empty.`);
      return text;
    },
  };
}

function invalidName(): never {
  throw new ConfigurationError("google-sm: needs a secret's name, as in google-sm:projects/mine/secrets/latchkey");
}
