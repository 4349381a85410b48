import { hash } from "node:crypto";

import type { Jwk, VerificationKey } from "@latchkey/jwt";
import { importJwkSet, JwtError } from "@latchkey/jwt";
import { z } from "zod";

import type { ClientSecret } from "./client-options.ts";
import type { IdTokenAlgorithm } from "./domain/oauth-client.ts";
import { ID_TOKEN_ALGORITHMS, OPENID_SCOPES, provesIdentity, redirectUriFault } from "./domain/oauth-client.ts";
import { ConfigurationError } from "./errors.ts";
import type { ClientRegistry, RegisteredClient } from "./http/oauth/client-registry.ts";
import { createClientRegistry } from "./http/oauth/client-registry.ts";
import { MIN_RESOURCE_SERVER_SECRET_LENGTH } from "./http/resource-server-authentication.ts";
import { isInsecureLoopback } from "./issuer-rules.ts";
import { isEndpointUrl, isPageUrl } from "./option-values.ts";
import type { AudienceProfile } from "./tokens/audience-profile.ts";
import { createAudienceProfile } from "./tokens/audience-profile.ts";

const printable = z.string().regex(/^[\u0020-\u007E]+$/, "must be printable ASCII");

const redirectUri = z
  .string()
  .max(1_000)
  .superRefine((uri, context) => {
    const fault = redirectUriFault(uri);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

const secret = z.union([
  printable.min(
    MIN_RESOURCE_SERVER_SECRET_LENGTH,
    `must have at least ${MIN_RESOURCE_SERVER_SECRET_LENGTH} characters. Make one with: openssl rand -hex 32`,
  ),
  z.strictObject({
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits: printf %s SECRET | sha256sum"),
  }),
]);

const clientSchema = z.strictObject({
  clientId: printable.min(1).max(255),
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, "must be one line without control characters"),
  redirectUris: z.array(redirectUri).min(1).max(50),
  secret: z
    .preprocess((value): unknown => (Array.isArray(value) ? value : [value]), z.array(secret).min(1).max(4))
    .optional(),
  keys: z
    .array(z.custom<Jwk>((value) => typeof value === "object" && value !== null))
    .min(1)
    .max(10)
    .optional(),
  scopes: z.array(z.string()).default(["openid"]),
  audiences: z.array(z.string()).min(1).optional(),
  consent: z.enum(["ask", "never"]).default("ask"),
  idTokenAlg: z.enum(ID_TOKEN_ALGORITHMS).default("RS256"),
  requirePushedAuthorizationRequests: z.boolean().default(false),
  dpopBoundAccessTokens: z.boolean().default(false),
  postLogoutRedirectUris: z.array(redirectUri).max(50).default([]),
  backchannelLogoutUri: z
    .string()
    .max(1_000)
    .refine(isEndpointUrl, "must be an https: URL without user or fragment; http: on loopback alone")
    .optional(),
  backchannelLogoutSessionRequired: z.boolean().default(false),
});

export const clientsSchema: z.ZodType<readonly ParsedClient[]> = z.array(clientSchema).max(1_000);

/** A client's options, each of the right form, with every default that needs nothing else in its place. */
interface ParsedClient {
  readonly clientId: string;
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly secret?: readonly ClientSecret[] | undefined;
  readonly keys?: readonly Jwk[] | undefined;
  readonly scopes: readonly string[];
  readonly audiences?: readonly string[] | undefined;
  readonly consent: "ask" | "never";
  readonly idTokenAlg: IdTokenAlgorithm;
  readonly requirePushedAuthorizationRequests: boolean;
  readonly dpopBoundAccessTokens: boolean;
  readonly postLogoutRedirectUris: readonly string[];
  readonly backchannelLogoutUri?: string | undefined;
  readonly backchannelLogoutSessionRequired: boolean;
}

interface ParsedOAuth {
  readonly interactionUrl?: string | undefined;
}

export const oauthSchema: z.ZodType<ParsedOAuth> = z.strictObject({
  interactionUrl: z
    .string()
    .refine(isPageUrl, "must be an https: URL without fragment; http: on loopback alone")
    .optional(),
});

/** What clients are checked against. */
export interface ClientSurroundings {
  readonly issuer: string;
  /** The operator's own apps. */
  readonly clientIds: readonly string[];
  readonly resourceServers: readonly { readonly id: string }[];
  readonly audiences: readonly string[];
  readonly scopes: { readonly allowed: readonly string[] };
  readonly allowedOrigins: ReadonlySet<string>;
  readonly maxSessionsPerUser: number;
}

/** What the OAuth face is made of. */
export interface OAuthSettings {
  readonly clients: ClientRegistry;
  /** `undefined`: the authority's own page. */
  readonly interactionUrl: string | undefined;
}

/** @throws ConfigurationError that names the client and says how to mend it; `undefined` where there are no clients */
export function createOAuthSettings({
  clients,
  oauth: { interactionUrl },
  ...surroundings
}: ClientSurroundings & { readonly clients: readonly ParsedClient[]; readonly oauth: ParsedOAuth }):
  | OAuthSettings
  | undefined {
  if (interactionUrl !== undefined && !surroundings.allowedOrigins.has(new URL(interactionUrl).origin)) {
    throw new ConfigurationError("oauth.interactionUrl: must be of the issuer's origin, or of one of allowedOrigins.");
  }
  if (clients.length === 0) return undefined;
  if (surroundings.maxSessionsPerUser < 2) {
    // The client's session would end the one that has just let it in, and would not be believed.
    throw new ConfigurationError("maxSessionsPerUser: must be 2 or more where there are clients.");
  }
  return { clients: createOAuthClients(clients, surroundings), interactionUrl };
}

/**
 * The APIs that access tokens are for, and the authority itself, which tells clients who their users are. It signs those tokens as
 * it signs what it says for itself.
 */
export function withIssuer(
  audiences: readonly AudienceProfile[],
  { issuer, accessTokenTtlSeconds }: { readonly issuer: string; readonly accessTokenTtlSeconds: number },
): readonly AudienceProfile[] {
  if (audiences.some(({ audience }) => audience === issuer)) return audiences;
  const alg = audiences.find((profile) => profile.alg !== "HS256")?.alg;
  return [...audiences, createAudienceProfile({ audience: issuer, accessTokenTtlSeconds, alg })];
}

/** Each looks at the audit log by itself. */
const MAX_TOLD_OF_LOGOUTS = 50;

function createOAuthClients(given: readonly ParsedClient[], surroundings: ClientSurroundings): ClientRegistry {
  const ids = given.map(({ clientId }) => clientId);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new ConfigurationError(`clients: there are two with the clientId ${twice}.`);
  if (given.filter(({ backchannelLogoutUri }) => backchannelLogoutUri !== undefined).length > MAX_TOLD_OF_LOGOUTS) {
    throw new ConfigurationError(`clients: at most ${MAX_TOLD_OF_LOGOUTS} may have a backchannelLogoutUri.`);
  }
  return createClientRegistry(given.map((client) => registered(client, surroundings)));
}

function registered(given: ParsedClient, surroundings: ClientSurroundings): RegisteredClient {
  const { clientId: id, audiences = [surroundings.issuer] } = given;
  const refuse = (what: string): ConfigurationError => new ConfigurationError(`clients: ${id} ${what}`);

  if (surroundings.clientIds.includes(id)) {
    throw refuse("is among clientIds too, whose tokens may change accounts. Give one of them another name.");
  }
  // An ID token is for its client, and an access token for its API: no text may be both (RFC 8725 §3.12).
  const known = [surroundings.issuer, ...surroundings.audiences];
  if (known.includes(id)) throw refuse("is an audience too. Rename it.");
  if (surroundings.resourceServers.some((server) => server.id === id))
    throw refuse("is a resource server's id too. Rename one of them.");
  if (given.secret !== undefined && given.keys !== undefined)
    throw refuse("has a secret and keys. Remove one of both.");

  const scope = given.scopes.find((value) => ![...surroundings.scopes.allowed, ...OPENID_SCOPES].includes(value));
  if (scope !== undefined) throw refuse(`may ask for the scope ${scope}, which is not among scopes.allowed.`);
  const audience = audiences.find((value) => !known.includes(value));
  if (audience !== undefined) throw refuse(`names ${audience}, which is not among audiences.`);

  const isPublic = given.secret === undefined && given.keys === undefined;
  const isDevelopment = isInsecureLoopback(surroundings.issuer);
  if (given.consent === "never" && isPublic && !isDevelopment && !given.redirectUris.every(provesIdentity)) {
    throw refuse(
      'has consent: "never", but any program on a user\'s machine can pass for it (RFC 8252 §8.6). Let it ask, or redirect to https: alone.',
    );
  }
  if (given.consent === "never" && given.scopes.includes("offline_access")) {
    throw refuse(
      'has consent: "never", and offline_access takes consent (OpenID Connect Core §11). Remove one of both.',
    );
  }
  if (given.backchannelLogoutSessionRequired && given.backchannelLogoutUri === undefined) {
    throw refuse("has backchannelLogoutSessionRequired, but no backchannelLogoutUri. Give it one.");
  }
  if (given.backchannelLogoutUri !== undefined && !given.scopes.includes("openid")) {
    throw refuse(
      "has a backchannelLogoutUri, but gets no ID tokens, which say what has ended. Add openid to its scopes.",
    );
  }
  return {
    id,
    name: given.name,
    redirectUris: given.redirectUris,
    authentication: isPublic ? "none" : given.keys === undefined ? "client_secret_basic" : "private_key_jwt",
    scopes: [...new Set(given.scopes)],
    audiences,
    consent: given.consent,
    idTokenAlg: given.idTokenAlg,
    mustPush: given.requirePushedAuthorizationRequests,
    mustProve: given.dpopBoundAccessTokens,
    postLogoutRedirectUris: given.postLogoutRedirectUris,
    backchannelLogoutUri: given.backchannelLogoutUri,
    secretHashes: (given.secret ?? []).map((one) =>
      typeof one === "string" ? hash("sha256", one, "buffer") : Buffer.from(one.sha256, "hex"),
    ),
    keys: given.keys === undefined ? [] : importKeys(given.keys, refuse),
  };
}

function importKeys(keys: readonly Jwk[], refuse: (what: string) => ConfigurationError): readonly VerificationKey[] {
  try {
    const imported = importJwkSet({ keys });
    if (imported.length === keys.length) return imported;
  } catch (error) {
    if (!(error instanceof JwtError)) throw error;
    throw refuse(`has keys that cannot be taken: ${error.message}`);
  }
  throw refuse("has keys that are of no known use: each needs kid and alg, and must be for signatures.");
}
