import type { ClientOptions, ResourceServerOptions, WebhookOptions } from "@latchkey/server";
import { ConfigurationError } from "@latchkey/server";

/**
 * What holds secrets, and so is read from the environment alone: what is typed on a command line, every user of the machine
 * can read.
 */
export interface SecretEnvironment {
  /** Where the master secrets are; the first seals. None: there is one in the data folder. */
  readonly masterSecretSources: { readonly first: string | undefined; readonly also: readonly string[] };
  /** `postgres://…`; without one, a SQLite file in the data folder. */
  readonly databaseUrl: string | undefined;
  /** `redis://…`: sessions live there. */
  readonly redisUrl: string | undefined;
  /** `smtps://user:password@host` */
  readonly smtpUrl: string | undefined;
  /** The APIs that may follow the revocation feed and introspect tokens. */
  readonly resourceServers: readonly ResourceServerOptions[];
  readonly webhooks: readonly WebhookOptions[];
  /** Apps that are not the operator's own, which may have secrets. */
  readonly clients: readonly ClientOptions[];
}

/** @throws ConfigurationError that names the variable and says how to mend it */
export function readSecretEnvironment(env: NodeJS.ProcessEnv): SecretEnvironment {
  const masterSecretSources = readSources(env);
  const databaseUrl = env["LATCHKEY_DATABASE_URL"];
  if (databaseUrl !== undefined && masterSecretSources.first === undefined) {
    throw new ConfigurationError(
      "LATCHKEY_DATABASE_URL needs LATCHKEY_MASTER_SECRET: all nodes on one database open its keys with one secret. " +
        "Make one with: openssl rand -base64 32",
    );
  }
  return {
    masterSecretSources,
    databaseUrl,
    redisUrl: env["LATCHKEY_REDIS_URL"],
    smtpUrl: env["LATCHKEY_SMTP_URL"],
    resourceServers: parseResourceServers(env["LATCHKEY_RESOURCE_SERVERS"] ?? ""),
    webhooks: readList(env, "LATCHKEY_WEBHOOKS", WEBHOOKS_EXAMPLE) as readonly WebhookOptions[],
    clients: readList(env, "LATCHKEY_CLIENTS", CLIENTS_EXAMPLE) as readonly ClientOptions[],
  };
}

const SOURCE_VARIABLES = [
  "LATCHKEY_MASTER_SECRET",
  "LATCHKEY_MASTER_SECRET_FILE",
  "LATCHKEY_MASTER_SECRET_FROM",
] as const;

function readSources(env: NodeJS.ProcessEnv): SecretEnvironment["masterSecretSources"] {
  const given = SOURCE_VARIABLES.filter((name) => env[name] !== undefined);
  if (given.length > 1) {
    throw new ConfigurationError(
      `${given.join(" and ")} are both set: which of them seals? Leave one, and name the other in LATCHKEY_MASTER_SECRET_ALSO.`,
    );
  }
  const [name] = given;
  const also = (env["LATCHKEY_MASTER_SECRET_ALSO"] ?? "").split(/\s+/).filter((source) => source !== "");
  if (name === undefined) return { first: undefined, also };
  if (env[name] === "") throw new ConfigurationError(`${name} is empty. Make a secret with: openssl rand -base64 32`);
  const first = {
    LATCHKEY_MASTER_SECRET: `env:${name}`,
    LATCHKEY_MASTER_SECRET_FILE: `file:${env[name]}`,
    LATCHKEY_MASTER_SECRET_FROM: `${env[name]}`,
  }[name];
  return { first, also };
}

/** A list in JSON, as in the option of that name; what it holds is checked with the other options. */
function readList(env: NodeJS.ProcessEnv, variable: string, example: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(env[variable] ?? "[]");
    if (Array.isArray(list)) return list;
  } catch {
    // Without its cause: a parser's message quotes what it could not parse.
  }
  throw new ConfigurationError(`${variable}: must be JSON: ${example}`);
}

const WEBHOOKS_EXAMPLE = '[{"id":"crm","url":"https://crm.example/hook","secret":"whsec_…"}]';

const CLIENTS_EXAMPLE = '[{"clientId":"shop","name":"Shop","redirectUris":["https://shop.example/callback"]}]';

/** `id:secret`, several separated by commas. */
function parseResourceServers(text: string): readonly ResourceServerOptions[] {
  return text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [id = "", secret = "", ...others] = pair.split(":");
      if (id === "" || secret === "" || others.length > 0) {
        throw new ConfigurationError(
          "LATCHKEY_RESOURCE_SERVERS: must be id:secret pairs separated by commas, for example api:$(openssl rand -hex 32)",
        );
      }
      return { id, secret };
    });
}
