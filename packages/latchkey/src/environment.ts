import type { ResourceServerOptions } from "@latchkey/server";
import { ConfigurationError } from "@latchkey/server";

/**
 * What holds secrets, and so is read from the environment alone: what is typed on a command line, every user of the machine
 * can read.
 */
export interface SecretEnvironment {
  readonly masterSecret: string | undefined;
  /** `postgres://…`; without one, a SQLite file in the data folder. */
  readonly databaseUrl: string | undefined;
  /** `redis://…`: sessions live there. */
  readonly redisUrl: string | undefined;
  /** `smtps://user:password@host` */
  readonly smtpUrl: string | undefined;
  /** The APIs that may follow the revocation feed and introspect tokens. */
  readonly resourceServers: readonly ResourceServerOptions[];
}

/** @throws ConfigurationError that names the variable and says how to mend it */
export function readSecretEnvironment(env: NodeJS.ProcessEnv): SecretEnvironment {
  const masterSecret = env["LATCHKEY_MASTER_SECRET"];
  const databaseUrl = env["LATCHKEY_DATABASE_URL"];
  if (databaseUrl !== undefined && masterSecret === undefined) {
    throw new ConfigurationError(
      "LATCHKEY_DATABASE_URL needs LATCHKEY_MASTER_SECRET: all nodes on one database open its keys with one secret. " +
        "Make one with: openssl rand -base64 32",
    );
  }
  return {
    masterSecret,
    databaseUrl,
    redisUrl: env["LATCHKEY_REDIS_URL"],
    smtpUrl: env["LATCHKEY_SMTP_URL"],
    resourceServers: parseResourceServers(env["LATCHKEY_RESOURCE_SERVERS"] ?? ""),
  };
}

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
