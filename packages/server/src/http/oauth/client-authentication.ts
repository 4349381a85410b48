import { z } from "zod";

import type { OAuthClient } from "../../domain/oauth-client.ts";
import { AuthError } from "../../errors.ts";
import { refuseClient } from "../../flows/refuse-client.ts";
import { readBasicCredentials } from "../basic-credentials.ts";
import type { Exchange } from "../exchange.ts";
import { claimedClientId, findAssertingClient } from "./client-assertion.ts";
import type { OAuthFace } from "./oauth-face.ts";

/** What a client says of itself in a form. */
export const CLIENT_FORM: {
  readonly client_id: z.ZodOptional<z.ZodString>;
  readonly client_secret: z.ZodOptional<z.ZodString>;
  readonly client_assertion: z.ZodOptional<z.ZodString>;
  readonly client_assertion_type: z.ZodOptional<z.ZodString>;
} = {
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion: z.string().optional(),
  client_assertion_type: z.string().optional(),
};

export type ClientForm = { readonly [name in keyof typeof CLIENT_FORM]?: string | undefined };

/**
 * Which client calls: by the way that it was registered with, and by one alone (RFC 6749 §2.3). A public client says who it
 * is; what it asks for must prove the rest.
 *
 * @throws AuthError `invalid_client`, whatever is wrong with the credentials; `invalid_request` for two kinds of them
 */
export async function requireClient(exchange: Exchange, oauth: OAuthFace, form: ClientForm): Promise<OAuthClient> {
  const { headers } = exchange.request;
  const kinds = [headers.get("authorization"), form.client_secret ?? null, form.client_assertion ?? null];
  if (kinds.filter((kind) => kind !== null).length > 1) {
    throw new AuthError("invalid_request", { description: "A client proves itself in one way, not in two." });
  }
  const client = await findClient(exchange, oauth, form);
  if (client === undefined || (form.client_id !== undefined && form.client_id !== client.id)) {
    const named = namedClient(exchange.request, form) ?? "";
    const clientId = oauth.clients.find(named)?.id ?? null;
    throw await refuseClient(exchange.http, { clientId, origin: exchange.origin });
  }
  return client;
}

/** Whom the caller says that it is. */
function namedClient({ headers }: Request, form: ClientForm): string | undefined {
  const authorization = headers.get("authorization");
  if (authorization !== null) return readBasicCredentials(authorization)[0];
  return form.client_assertion === undefined ? form.client_id : claimedClientId(form.client_assertion);
}

async function findClient(exchange: Exchange, oauth: OAuthFace, form: ClientForm): Promise<OAuthClient | undefined> {
  const authorization = exchange.request.headers.get("authorization");
  if (authorization !== null) return oauth.clients.findBySecret(...readBasicCredentials(authorization));
  if (form.client_assertion !== undefined) return findAssertingClient(exchange.http, oauth, form);
  // Secrets in bodies end up in logs of them (RFC 6749 §2.3.1): no client is registered for that.
  if (form.client_secret !== undefined || form.client_id === undefined) return undefined;
  const client = oauth.clients.find(form.client_id);
  return client?.authentication === "none" ? client : undefined;
}
