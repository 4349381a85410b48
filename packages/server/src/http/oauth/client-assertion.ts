import { JwtError, verifyJws } from "@latchkey/jwt";
import { z } from "zod";

import type { OAuthClient } from "../../domain/oauth-client.ts";
import { claimOnce } from "../../flows/claim-once.ts";
import type { HttpContext } from "../exchange.ts";
import type { ClientForm } from "./client-authentication.ts";
import type { OAuthFace } from "./oauth-face.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The algorithms that keys of clients may be of; see `importJwkSet`. */
export const ASSERTION_ALGORITHMS: readonly string[] = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "PS256",
  "EdDSA",
  "Ed25519",
];

/** How far ahead an assertion may expire, in seconds: each is remembered for as long. */
const MAX_LIFETIME_SECONDS = 600;

const LEEWAY_SECONDS = 5;

/** A client signs JWTs of other kinds too, proofs among them: those are no assertions. */
const TYPES: readonly unknown[] = [undefined, "JWT", "client-authentication+jwt"];

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.tuple([z.string()])]),
  exp: z.number(),
  iat: z.number().optional(),
  nbf: z.number().optional(),
  jti: z.string().min(1).max(256),
});

/**
 * The client that has signed the assertion (`private_key_jwt`, RFC 7523): for this authority by its issuer's name alone, so that no
 * other server can pass it on, for a few minutes, and once. `undefined` for any that is not good.
 */
export async function findAssertingClient(
  http: HttpContext,
  { clients }: OAuthFace,
  form: ClientForm,
): Promise<OAuthClient | undefined> {
  const { client_assertion: assertion = "", client_assertion_type: type } = form;
  // Read before it is verified, for whose keys to verify it with.
  const claims = parseClaims(assertion);
  if (type !== ASSERTION_TYPE || claims === undefined) return undefined;
  const { iss, sub, aud, exp, iat, nbf, jti } = claims;
  const client = clients.find(sub);
  const keys = clients.keysOf(sub);
  if (client === undefined || keys.length === 0 || iss !== sub) return undefined;
  if ((typeof aud === "string" ? aud : aud[0]) !== http.issuer) return undefined;
  const now = http.clock();
  if (!(now < exp + LEEWAY_SECONDS) || !(exp <= now + MAX_LIFETIME_SECONDS)) return undefined;
  if (!((iat ?? now) <= now + LEEWAY_SECONDS) || !((nbf ?? now) <= now + LEEWAY_SECONDS)) return undefined;
  try {
    const { header } = verifyJws(assertion, keys);
    if (!TYPES.includes(header.typ)) return undefined;
  } catch (error) {
    if (error instanceof JwtError) return undefined;
    throw error;
  }
  const isFirst = await claimOnce(http, "client-assertion", {
    text: `${client.id}\n${jti}`,
    expiresAt: Math.ceil(exp) + LEEWAY_SECONDS,
  });
  return isFirst ? client : undefined;
}

/** Whose an assertion says that it is, which anybody can write. */
export function claimedClientId(assertion: string): string | undefined {
  return parseClaims(assertion)?.sub;
}

function parseClaims(assertion: string): z.infer<typeof claimsSchema> | undefined {
  const segment = assertion.split(".")[1] ?? "";
  try {
    return claimsSchema.safeParse(JSON.parse(Buffer.from(segment, "base64url").toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
