import { AuthError } from "../../errors.ts";
import { revokeToken } from "../../flows/revoke-token.ts";
import { emptyAnswer } from "../answers.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { readFormBody, required } from "../form-body.ts";

/**
 * RFC 7009, for your own apps: public clients, which say who they are and prove it by holding the token. No cookie is read,
 * so no page can revoke what its visitor holds. The hint is not needed: no text is a token of both kinds.
 */
export async function postRevoke({ http, request, origin }: Exchange): Promise<Answer> {
  const form = await readFormBody(request, ["token", "client_id", "client_secret", "client_assertion"]);
  // There are no clients with secrets: who presents one is not who it says it is.
  const { client_secret: secret, client_assertion: assertion } = form;
  if (request.headers.has("authorization") || secret !== undefined || assertion !== undefined) {
    throw new AuthError("invalid_client");
  }
  const clientId = required(form.client_id, "client_id");
  if (!http.policy.clientIds.includes(clientId)) {
    throw new AuthError("invalid_request", { description: "client_id: there is no such first-party client." });
  }
  await revokeToken(http, { token: required(form.token, "token"), clientId, origin });
  return emptyAnswer(200);
}
