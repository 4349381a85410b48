import type { ApiTokenAnswer, ApiTokenSummary } from "@latchkey/protocol";
import { z } from "zod";

import type { ApiToken } from "../../domain/api-token.ts";
import { listApiTokens } from "../../flows/api-tokens.ts";
import { endOwnApiToken, endOwnApiTokens } from "../../flows/end-api-token.ts";
import { makeApiToken } from "../../flows/make-api-token.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer, jsonAnswer, timestamp } from "../answers.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";

const creation = z.strictObject({
  // Printed in lists and on consoles: no controls, which could rewrite what stands there.
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u),
  scope: z.string().min(1).max(4_096),
  audience: z.string().min(1).max(255).optional(),
  expires_in: z.int().min(60).optional(),
  dpop_jkt: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
});

/** Makes an API token: the one answer that ever holds it. */
export const postApiToken: Handler = taking(jsonBody(creation), async (exchange, readBody) => {
  const who = await requireSignedIn(exchange);
  const body = await readBody();
  const { apiToken, token } = await makeApiToken(exchange.http, who, {
    name: body.name,
    scope: body.scope,
    audience: body.audience,
    byAccessToken: exchange.request.headers.has("authorization"),
    lifetimeSeconds: body.expires_in,
    jkt: body.dpop_jkt,
    origin: exchange.origin,
  });
  return jsonAnswer(201, { token, api_token: summaryOf(apiToken) } satisfies ApiTokenAnswer);
});

export async function getApiTokens(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  const tokens = await listApiTokens(exchange.http, who);
  return jsonAnswer(200, { api_tokens: tokens.map((token) => summaryOf(token)) });
}

export async function deleteApiToken(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await endOwnApiToken(exchange.http, who, { tokenId: exchange.params["id"] ?? "", origin: exchange.origin });
  return emptyAnswer();
}

export async function deleteApiTokens(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await endOwnApiTokens(exchange.http, who, exchange.origin);
  return emptyAnswer();
}

function summaryOf(token: ApiToken): ApiTokenSummary {
  return {
    id: token.id,
    name: token.name,
    scope: token.scope,
    audience: token.audience,
    token_type: token.jkt === null ? "Bearer" : "DPoP",
    created_at: timestamp(token.createdAt),
    expires_at: timestamp(token.expiresAt),
    last_used_at: token.lastUsedAt === null ? null : timestamp(token.lastUsedAt),
  };
}
