import type { ApiTokenAnswer, ApiTokenSummary, SessionAnswer } from "@latchkey/protocol";
import { expect } from "vitest";

import type { Answer, TestAuthority } from "../authority.ts";
import { WITH_RESOURCE_SERVERS } from "./resource-server.ts";

/** Options of an authority with API tokens; of its resource servers `api` and `gateway` take them, `other` does not. */
export const WITH_API_TOKENS = {
  ...WITH_RESOURCE_SERVERS,
  scopes: { allowed: ["read:a", "write:a", "admin"], default: ["read:a", "write:a"] },
  resourceServers: WITH_RESOURCE_SERVERS.resourceServers.map((server) => ({
    ...server,
    apiTokens: server.id !== "other",
  })),
  apiTokens: true,
  revocationFeed: { access: "public" as const },
};

export async function make(
  authority: TestAuthority,
  session: Pick<SessionAnswer, "access_token">,
  changes: object = {},
): Promise<Answer> {
  const json = { name: "nightly backup", scope: "read:a", ...changes };
  return authority.call("POST", "/auth/tokens", { token: session.access_token, json });
}

export async function made(
  authority: TestAuthority,
  session: Pick<SessionAnswer, "access_token">,
  changes: object = {},
): Promise<ApiTokenAnswer> {
  const answer = await make(authority, session, changes);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as ApiTokenAnswer;
}

export async function listed(
  authority: TestAuthority,
  session: Pick<SessionAnswer, "access_token">,
): Promise<readonly ApiTokenSummary[]> {
  const { status, body } = await authority.call("GET", "/auth/tokens", { token: session.access_token });
  expect(status).toBe(200);
  return (body as { api_tokens: ApiTokenSummary[] }).api_tokens;
}
