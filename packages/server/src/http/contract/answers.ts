import type {
  ApiTokenAnswer,
  ApiTokenSummary,
  AuthorityMetadata,
  ErrorAnswer,
  ErrorCode,
  OpaqueSessionAnswer,
  RevocationAnswer,
  SessionAnswer,
  SessionSummary,
  UserAnswer,
} from "@latchkey/protocol";
import { ERRORS, INTROSPECTION_TYPE, STATUS_LIST_TYPE } from "@latchkey/protocol";
import { z } from "zod";

/** What a route answers, by status: for each media type its schema, or nothing at all. */
export type Answers = Readonly<Record<number, Readonly<Record<string, z.ZodType>>>>;

/** A schema of exactly this type: neither a member too few nor one too many. */
type SchemaOf<Type> = z.ZodObject<{ readonly [Key in keyof Type]-?: z.ZodType<Type[Key]> }>;

// The shapes are the protocol's types; the compiler holds each schema against its type, member by member.
const seconds = z.int().min(0);
const time = z.iso.datetime();
const tokenType = z.enum(["Bearer", "DPoP"]);

const USER: SchemaOf<UserAnswer> = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  email_verified: z.boolean(),
  roles: z.array(z.string()),
  created_at: time,
});

const SESSION: SchemaOf<SessionAnswer> = z.object({
  access_token: z.string(),
  token_type: tokenType,
  expires_in: seconds,
  scope: z.string(),
  session_id: z.string(),
  user: USER,
  refresh_token: z.string().optional(),
  refresh_token_timeout: seconds,
  authorization_expires_in: seconds,
});

const OPAQUE_SESSION: SchemaOf<OpaqueSessionAnswer> = z.object({
  scope: z.string(),
  session_id: z.string(),
  user: USER,
  authorization_expires_in: seconds,
  idle_timeout: seconds,
  csrf_token: z.string(),
});

const SESSION_SUMMARY: SchemaOf<SessionSummary> = z.object({
  id: z.string(),
  current: z.boolean(),
  device: z.string().nullable(),
  device_name: z.string().nullable(),
  ip: z.string().nullable(),
  place: z.string().nullable(),
  created_at: time,
  last_seen_at: time,
  expires_at: time,
  client_id: z.string(),
});

const API_TOKEN: SchemaOf<ApiTokenSummary> = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.string(),
  audience: z.string(),
  token_type: tokenType,
  created_at: time,
  expires_at: time,
  last_used_at: time.nullable(),
});

const NEW_API_TOKEN: SchemaOf<ApiTokenAnswer> = z.object({ token: z.string(), api_token: API_TOKEN });

const METADATA: SchemaOf<AuthorityMetadata> = z.object({
  issuer: z.url(),
  jwks_uri: z.url(),
  id_token_signing_alg_values_supported: z.array(z.string()),
  subject_types_supported: z.array(z.string()),
  authorization_endpoint: z.url().optional(),
  token_endpoint: z.url().optional(),
  userinfo_endpoint: z.url().optional(),
  pushed_authorization_request_endpoint: z.url().optional(),
  end_session_endpoint: z.url().optional(),
  backchannel_logout_supported: z.boolean().optional(),
  backchannel_logout_session_supported: z.boolean().optional(),
  response_types_supported: z.array(z.string()).optional(),
  response_modes_supported: z.array(z.string()).optional(),
  grant_types_supported: z.array(z.string()).optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  token_endpoint_auth_signing_alg_values_supported: z.array(z.string()).optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  request_parameter_supported: z.boolean().optional(),
  request_uri_parameter_supported: z.boolean().optional(),
  claims_supported: z.array(z.string()).optional(),
  dpop_signing_alg_values_supported: z.array(z.string()),
  scopes_supported: z.array(z.string()).optional(),
  api_token_jwks_uri: z.url().optional(),
  api_token_uses_endpoint: z.url().optional(),
  revocation_endpoint: z.url().optional(),
  revocation_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  introspection_endpoint: z.url().optional(),
  introspection_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  introspection_signing_alg_values_supported: z.array(z.string()).optional(),
  revocation_feed_endpoint: z.url().optional(),
  revocation_feed_access: z.enum(["public", "client_secret_basic"]).optional(),
});

const REVOCATIONS: SchemaOf<RevocationAnswer> = z.object({ batches: z.array(z.string()) });

/** The body of every refusal. */
export const REFUSAL: SchemaOf<ErrorAnswer> = z.object({
  error: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  error_description: z.string(),
  reasons: z.array(z.string()).optional(),
  scope: z.string().optional(),
});

const TEXT = z.string();

/** The schemas that the description has names for. */
export const NAMED: Readonly<Record<string, z.ZodType>> = {
  User: USER,
  Session: SESSION,
  OpaqueSession: OPAQUE_SESSION,
  SessionSummary: SESSION_SUMMARY,
  ApiToken: API_TOKEN,
  Metadata: METADATA,
  Text: TEXT,
};

const json = (schema: z.ZodType): Answers[number] => ({ "application/json": schema });
const text = (mediaType: string): Answers[number] => ({ [mediaType]: TEXT });

export const nothing: Answers = { 204: {} };
export const acknowledged: Answers = { 200: {} };
export const accepted: Answers = { 202: {} };

export const newUser: Answers = { 201: json(z.object({ user: USER })) };
export const session: Answers = { 200: json(SESSION) };
export const anySession: Answers = { 200: json(z.union([SESSION, OPAQUE_SESSION])) };
export const whoAmI: Answers = { 200: json(z.object({ user: USER, session: SESSION_SUMMARY })) };
export const sessions: Answers = { 200: json(z.object({ sessions: z.array(SESSION_SUMMARY) })) };
export const apiTokens: Answers = { 200: json(z.object({ api_tokens: z.array(API_TOKEN) })) };
export const newApiToken: Answers = { 201: json(NEW_API_TOKEN) };

/** To the page that asks the user, or back to the client. */
export const sentOn: Answers = { 303: {} };
export const page: Answers = { 200: text("text/html; charset=utf-8") };
/** Back to the client, or nowhere. */
export const signedOut: Answers = { ...page, ...sentOn };
export const pushed: Answers = { 201: json(z.object({ request_uri: z.string(), expires_in: seconds })) };
export const interaction: Answers = {
  200: json(
    z.object({
      client: z.object({ id: z.string(), name: z.string() }),
      consent: z.enum(["ask", "never"]),
      scope: z.string(),
      resource: z.string(),
      login_hint: z.string().optional(),
      max_age: seconds.optional(),
      signed_in_after: seconds.optional(),
      expires_in: seconds,
    }),
  ),
};
export const decided: Answers = { 200: json(z.object({ redirect_to: z.string() })) };
export const tokens: Answers = {
  200: json(
    z.object({
      access_token: z.string(),
      token_type: tokenType,
      expires_in: seconds,
      refresh_token: z.string(),
      scope: z.string(),
      id_token: z.string().optional(),
      refresh_token_timeout: seconds,
      authorization_expires_in: seconds,
    }),
  ),
};
export const userinfo: Answers = {
  200: json(
    z.object({
      sub: z.string(),
      name: z.string().optional(),
      email: z.string().optional(),
      email_verified: z.boolean().optional(),
    }),
  ),
};

export const introspection: Answers = {
  200: { ...json(z.looseObject({ active: z.boolean() })), ...text(`application/${INTROSPECTION_TYPE}`) },
};
export const metadata: Answers = { 200: json(METADATA) };
export const keySet: Answers = {
  200: { "application/jwk-set+json": z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }) },
};
export const revocations: Answers = { 200: { ...json(REVOCATIONS), ...text("text/event-stream") } };
export const statusList: Answers = { 200: text(`application/${STATUS_LIST_TYPE}`), 304: {} };
export const live: Answers = { 200: json(z.object({ status: z.literal("live") })) };
export const ready: Answers = { 200: json(z.object({ status: z.literal("ready") })) };
export const contract: Answers = { 200: json(z.looseObject({ openapi: z.string() })) };
