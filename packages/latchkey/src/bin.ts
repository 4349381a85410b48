import { readFileSync } from "node:fs";

import type { AudienceOptions, AuthServerOptions, MailOptions } from "@latchkey/server";
import { ConfigurationError, createPwnedPasswords, setRoles, unlockPassword } from "@latchkey/server";
import { Command, InvalidArgumentError, Option } from "commander";

import { auditCommand } from "./commands/audit.ts";
import { keysCommand } from "./commands/keys.ts";
import { importUsersCommand } from "./commands/import-users.ts";
import { manageUsersCommands } from "./commands/manage-users.ts";
import { noAccount } from "./no-account.ts";
import { tokensCommand } from "./commands/tokens.ts";
import { readSecretEnvironment } from "./environment.ts";
import { SOURCES } from "./master-secret-source.ts";
import { openMasterSecrets } from "./open-master-secrets.ts";
import { openSigningService } from "./open-signing-service.ts";
import { failureSentence } from "./failure-sentence.ts";
import { withIdsLast } from "./ids-last.ts";
import type { LogFormat } from "./logger.ts";
import { LOG_FORMATS } from "./logger.ts";
import { serveAuthority } from "./serve.ts";
import { stopOnSignal } from "./shutdown.ts";
import { withStore } from "./with-store.ts";

const EXIT_FAILED = 1;

const program = new Command("latchkey")
  .description("Sign-in with short-lived access tokens and rotating refresh tokens.")
  .version(readVersion())
  .showHelpAfterError();

const dataOption = (): Option =>
  new Option("--data <folder>", "folder of the database and the master secret")
    .env("LATCHKEY_DATA")
    .default("./.latchkey");

const SECRETS_HELP = `
Options that take no value are off unless they are given.

In the environment, since others can read a command line:
  LATCHKEY_MASTER_SECRET     seals the keys; without it there is one in the data folder. In its place:
    LATCHKEY_MASTER_SECRET_FILE  a file that only its owner can read
    LATCHKEY_MASTER_SECRET_FROM  ${SOURCES}
    LATCHKEY_MASTER_SECRET_ALSO  sources of what opens keys besides, while one secret replaces another
  LATCHKEY_SIGNING_SERVICE   vault-transit:MOUNT, where access tokens are to be signed in place of this process
  LATCHKEY_DATABASE_URL      postgres://user:password@host/database in place of the embedded database
  LATCHKEY_REDIS_URL         redis://host for the sessions; without it they are in the database
  LATCHKEY_SMTP_URL          smtps://user:password@host for mail; without it, files in the data folder
  LATCHKEY_WEBHOOKS          JSON: [{"id":…,"url":…,"secret":"whsec_…","types":[…]}] of who is told what happens
  LATCHKEY_CLIENTS           JSON: [{"clientId":…,"name":…,"redirectUris":[…],"secret":…}] of apps that are not your own
  LATCHKEY_RESOURCE_SERVERS  id:secret,… of the APIs that may follow the revocation feed and introspect tokens

Exit codes:
  0    stopped when asked to (SIGTERM, SIGINT), all requests answered
  1    could not start, or not stop cleanly; a sentence on standard error says why
  130  ended at once, because it was asked to stop twice`;

interface ServeFlags {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly issuer?: string;
  readonly audience?: string[];
  readonly alg?: AudienceOptions["alg"];
  readonly typ?: AudienceOptions["typ"];
  readonly allowOrigin?: string[];
  readonly scope?: string[];
  readonly makeMasterSecret?: boolean;
  readonly publicRevocationFeed?: boolean;
  readonly auditRetention?: number;
  readonly auditRefreshes?: boolean;
  readonly apiTokens?: boolean;
  readonly keyRotation?: number;
  readonly keyPublishAhead?: number;
  readonly trustedProxy?: string[];
  readonly verifyEmailUrl?: string;
  readonly resetPasswordUrl?: string;
  readonly changeEmailUrl?: string;
  readonly mailFrom?: string;
  readonly breachedPasswords?: "allow" | "refuse";
  readonly logLevel: string;
  readonly logFormat: LogFormat;
  readonly logRequests?: boolean;
  readonly stopDelay?: number;
  readonly metricsPort?: number;
  readonly metricsHost: string;
  readonly traces?: boolean;
}

program
  .command("serve")
  .description("run an authority on an embedded database, or on PostgreSQL and Redis")
  .addOption(new Option("--port <number>", "port to listen on").env("PORT").default(3000).argParser(parsePort))
  .addOption(new Option("--host <address>", "address to listen on").env("HOST").default("127.0.0.1"))
  .addOption(dataOption())
  .addOption(
    new Option("--issuer <url>", "the public URL, as tokens carry it (default: http://localhost:PORT)").env(
      "LATCHKEY_ISSUER",
    ),
  )
  .option("--audience <id...>", "the APIs that tokens are for; the first is for who names none (default: the issuer)")
  .addOption(
    new Option("--alg <name>", "what access tokens are signed with (default: ES256)").choices([
      "ES256",
      "RS256",
      "PS256",
      "ES384",
      "ES512",
      "EdDSA",
      "Ed25519",
    ]),
  )
  .addOption(new Option("--typ <type>", "the type of access tokens (default: at+jwt)").choices(["at+jwt", "JWT"]))
  .option(
    "--allow-origin <origin...>",
    "origins whose pages may sign in with cookies, besides the issuer's (default: none)",
  )
  .option("--scope <scope...>", "scopes that a sign-in may ask for (default: none)")
  .option(
    "--trusted-proxy <address...>",
    "proxies whose X-Forwarded-For is believed: addresses or networks in CIDR notation (default: none)",
  )
  .option(
    "--key-rotation <seconds>",
    "for how long a key signs before the next one does (default: 30 days)",
    parseSeconds,
  )
  .option(
    "--key-publish-ahead <seconds>",
    "for how long a key is published before it signs (default: 2 hours)",
    parseSeconds,
  )
  .option("--make-master-secret", "let a master secret be made in the data folder, in production too")
  .option("--audit-retention <days>", "for how long the audit log is kept (default: 365 days)", parseDays)
  .option("--audit-refreshes", "record every refresh in the audit log, at the cost of a row and a flush for each")
  .option("--public-revocation-feed", "let anybody follow what is revoked, not resource servers alone")
  .option("--api-tokens", "let users make API tokens, and all resource servers take them; needs --scope")
  .option(
    "--verify-email-url <url>",
    "your page that confirms an address; its link is mailed at sign-up (default: no mail)",
  )
  .option(
    "--reset-password-url <url>",
    "your page where a new password is chosen; goes with the page before (default: no mail)",
  )
  .option(
    "--change-email-url <url>",
    "your page where a new e-mail address is confirmed; goes with both pages before (default: none can be changed)",
  )
  .option("--mail-from <address>", "who mails are from; needed with LATCHKEY_SMTP_URL")
  .addOption(
    new Option(
      "--breached-passwords <when-unreachable>",
      "look new passwords up in Have I Been Pwned, and what to do with one while that cannot be asked (default: no look)",
    ).choices(["allow", "refuse"]),
  )
  .addOption(
    new Option("--log-level <level>", "what to log")
      .env("LATCHKEY_LOG_LEVEL")
      .choices(["silent", "error", "warn", "info"])
      .default("info"),
  )
  .addOption(
    new Option("--log-format <format>", "JSON lines, or for people; auto: by whether this is a terminal")
      .env("LATCHKEY_LOG_FORMAT")
      .choices(LOG_FORMATS)
      .default("auto"),
  )
  .addOption(
    new Option("--metrics-port <number>", "answer /metrics, for Prometheus, on this port (default: nowhere)")
      .env("LATCHKEY_METRICS_PORT")
      .argParser(parsePort),
  )
  .addOption(
    new Option("--metrics-host <address>", "address of that port; never one the public reaches")
      .env("LATCHKEY_METRICS_HOST")
      .default("127.0.0.1"),
  )
  .addOption(
    new Option("--traces", "make OpenTelemetry spans, for an SDK loaded with node --import").env("LATCHKEY_TRACES"),
  )
  .addOption(new Option("--log-requests", "a line for each request").env("LATCHKEY_LOG_REQUESTS"))
  .option(
    "--stop-delay <seconds>",
    "for how long to go on answering once asked to stop, so that load balancers notice (default: 0)",
    parseSeconds,
  )
  .addHelpText("after", SECRETS_HELP)
  .action(async (flags: ServeFlags) => {
    const signingService = await openSigningService(process.env);
    const { masterSecretSources: sources, ...secrets } = readSecretEnvironment(process.env);
    const { masterSecrets, madeSecretPath } = await openMasterSecrets({
      dataPath: flags.data,
      sources,
      mayMakeSecret: flags.makeMasterSecret === true || !isProduction(flags),
      env: process.env,
    });
    if (madeSecretPath !== undefined) {
      process.stdout.write(
        `Made a master secret: ${madeSecretPath}\nKeep a copy apart from the database: without it, everybody has to sign in again.\n`,
      );
    }
    const authority = await serveAuthority({
      port: flags.port,
      hostname: flags.host,
      dataPath: flags.data,
      ...secrets,
      masterSecret: masterSecrets,
      ...(signingService !== undefined && { signingService }),
      issuer: flags.issuer,
      logLevel: flags.logLevel,
      logFormat: flags.logFormat,
      logRequests: flags.logRequests,
      stopDelaySeconds: flags.stopDelay,
      observation: {
        traces: flags.traces,
        ...(flags.metricsPort !== undefined && { metrics: { port: flags.metricsPort, hostname: flags.metricsHost } }),
      },
      keys: {
        ...(flags.keyRotation !== undefined && { rotationSeconds: flags.keyRotation }),
        ...(flags.keyPublishAhead !== undefined && { publishAheadSeconds: flags.keyPublishAhead }),
      },
      ...(flags.publicRevocationFeed === true && { revocationFeed: { access: "public" } }),
      ...(flags.breachedPasswords !== undefined && {
        passwords: { breached: { screening: createPwnedPasswords(), onUnavailable: flags.breachedPasswords } },
      }),
      ...(flags.auditRetention !== undefined && { auditRetentionDays: flags.auditRetention }),
      ...(flags.auditRefreshes === true && { auditRefreshes: true }),
      ...(flags.apiTokens === true && apiTokensOf(secrets.resourceServers)),
      mailLinks: mailLinksOf(flags, secrets.smtpUrl),
      mailFrom: flags.mailFrom,
      ...(flags.trustedProxy !== undefined && { trustedProxies: flags.trustedProxy }),
      ...audiencesOf(flags),
      ...(flags.allowOrigin !== undefined && { allowedOrigins: flags.allowOrigin }),
      ...(flags.scope !== undefined && { scopes: { allowed: flags.scope } }),
    });
    stopOnSignal(() => authority.stop());
    process.stdout.write(`Latchkey is ready at ${authority.issuer}\n`);
  });

const STORE_HELP = `
Where the authority has them, in the environment as for \`latchkey serve\`:
  LATCHKEY_DATABASE_URL, LATCHKEY_REDIS_URL   where accounts and sessions are, in place of the folder
  LATCHKEY_MASTER_SECRET, …_FILE, …_FROM      what opens the keys`;

const users = new Command("users").description("manage accounts");
for (const command of [keysCommand(dataOption), auditCommand(dataOption), tokensCommand(dataOption), users]) {
  program.addCommand(command.addHelpText("afterAll", STORE_HELP));
}

users
  .command("set-roles")
  .description("set a user's roles; felt at the next refresh")
  .argument("<email>")
  .argument("[roles...]", "none removes them all")
  .addOption(dataOption())
  .action(async (email: string, roles: string[], flags: { readonly data: string }) => {
    await withStore(flags.data, async (store) => {
      if (!(await setRoles({ store, clock: () => Math.floor(Date.now() / 1000) }, email, roles))) throw noAccount();
      process.stdout.write(roles.length === 0 ? "All roles removed.\n" : `Roles set: ${roles.join(", ")}\n`);
    });
  });

users
  .command("unlock")
  .description("let a password be tried again that has been guessed wrong a hundred times in a row")
  .argument("<email>")
  .addOption(dataOption())
  .action(async (email: string, flags: { readonly data: string }) => {
    await withStore(flags.data, async (store) => {
      if (!(await unlockPassword({ store, clock: () => Math.floor(Date.now() / 1000) }, email))) throw noAccount();
      process.stdout.write("The password can be tried again.\n");
    });
  });

users.addCommand(importUsersCommand(dataOption));
for (const command of manageUsersCommands(dataOption)) users.addCommand(command);

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return (manifest as { readonly version: string }).version;
}

function apiTokensOf(resourceServers: AuthServerOptions["resourceServers"] = []) {
  return { apiTokens: true, resourceServers: resourceServers.map((server) => ({ ...server, apiTokens: true })) };
}

/** Without any audience it is the issuer, as ever. */
function audiencesOf({ audience, alg, typ, issuer, port }: ServeFlags): { readonly audiences?: AudienceOptions[] } {
  if (audience === undefined && alg === undefined && typ === undefined) return {};
  const names = audience ?? [issuer ?? `http://localhost:${port}`];
  return {
    audiences: names.map((name) => ({ audience: name, ...(alg && { alg }), ...(typ && { typ }) })),
  };
}

/** Where people rely on it, a secret is chosen and kept by somebody who knows. */
function isProduction({ issuer }: ServeFlags): boolean {
  return process.env["NODE_ENV"] === "production" || issuer?.startsWith("https:") === true;
}

function mailLinksOf(flags: ServeFlags, smtpUrl: string | undefined): MailOptions["links"] | undefined {
  const { verifyEmailUrl, resetPasswordUrl, changeEmailUrl } = flags;
  if (verifyEmailUrl === undefined && resetPasswordUrl === undefined) {
    const idle = [
      changeEmailUrl !== undefined && "--change-email-url",
      flags.mailFrom !== undefined && "--mail-from",
      smtpUrl !== undefined && "LATCHKEY_SMTP_URL",
    ].find((name) => name !== false);
    if (idle === undefined) return undefined;
    throw new ConfigurationError(`${idle} needs --verify-email-url and --reset-password-url: no mail is sent without.`);
  }
  if (verifyEmailUrl === undefined || resetPasswordUrl === undefined) {
    throw new ConfigurationError("--verify-email-url and --reset-password-url go together: mails lead to both.");
  }
  return { verifyEmail: verifyEmailUrl, resetPassword: resetPasswordUrl, changeEmail: changeEmailUrl };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It must be a number from 0 to 65535.");
  return port;
}

function parseDays(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError("It must be a number of days.");
  return Number(text);
}

function parseSeconds(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a number of seconds.");
  return Number(text);
}

try {
  await program.parseAsync(withIdsLast(process.argv.slice(2)), { from: "user" });
} catch (error) {
  process.stderr.write(`latchkey: ${failureSentence(error)}\n`);
  process.exitCode = EXIT_FAILED;
}
