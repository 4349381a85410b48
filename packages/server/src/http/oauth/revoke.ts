import { z } from "zod";

import { AuthError } from "../../errors.ts";
import { revokeToken } from "../../flows/revoke-token.ts";
import { emptyAnswer } from "../answers.ts";
import type { Handler } from "../exchange.ts";
import { formBody, taking } from "../request-body.ts";

const revocation = z.object({
  token: z.string(),
  client_id: z.string(),
  client_secret: z.string().optional(),
  client_assertion: z.string().optional(),
});

/**
 * RFC 7009, for your own apps: public clients, which say who they are and prove it by holding the token. No cookie is read,
 * so no page can revoke what its visitor holds. The hint is not needed: no text is a token of both kinds.
 */
export const postRevoke: Handler = taking(formBody(revocation), async ({ http, request, origin }, readBody) => {
  const { token, client_id: clientId, client_secret: secret, client_assertion: assertion } = await readBody();
  // There are no clients with secrets: who presents one is not who it says it is.
  if (request.headers.has("authorization") || secret !== undefined || assertion !== undefined) {
    throw new AuthError("invalid_client");
  }
  if (!http.policy.clientIds.includes(clientId)) {
    throw new AuthError("invalid_request", { description: "client_id: there is no such first-party client." });
  }
  await revokeToken(http, { token, clientId, origin });
  return emptyAnswer(200);
});
