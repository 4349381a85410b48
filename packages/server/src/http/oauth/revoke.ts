import { z } from "zod";

import { AuthError } from "../../errors.ts";
import { refuseClient } from "../../flows/refuse-client.ts";
import { revokeToken } from "../../flows/revoke-token.ts";
import { emptyAnswer } from "../answers.ts";
import type { Exchange, Handler } from "../exchange.ts";
import { formBody, taking } from "../request-body.ts";
import type { ClientForm } from "./client-authentication.ts";
import { CLIENT_FORM, requireClient } from "./client-authentication.ts";

const revocation = z.object({ token: z.string(), ...CLIENT_FORM });

/**
 * RFC 7009. Your own apps, and other public clients, say who they are and prove it by holding the token. No cookie is read,
 * so no page can revoke what its visitor holds. The hint is not needed: no text is a token of both kinds.
 */
export const postRevoke: Handler = taking(formBody(revocation), async (exchange, readBody) => {
  const { http, origin } = exchange;
  const { token, ...credentials } = await readBody();
  await revokeToken(http, { token, clientId: await revokingClient(exchange, credentials), origin });
  return emptyAnswer(200);
});

async function revokingClient(exchange: Exchange, form: ClientForm): Promise<string> {
  const { http, origin } = exchange;
  const { oauth, policy } = http;
  const isAlone = form.client_secret === undefined && form.client_assertion === undefined;
  // Your own apps have no secrets: who presents one is none of them.
  if (isAlone && !exchange.request.headers.has("authorization")) {
    const { client_id: clientId } = form;
    if (clientId !== undefined && policy.clientIds.includes(clientId)) return clientId;
    if (clientId === undefined || oauth?.clients.find(clientId) === undefined) {
      throw new AuthError("invalid_request", { description: "client_id: there is no such client." });
    }
  }
  if (oauth === undefined) throw await refuseClient(http, { clientId: null, origin });
  return (await requireClient(exchange, oauth, form)).id;
}
