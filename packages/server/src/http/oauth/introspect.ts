import { INTROSPECTION_TYPE } from "@latchkey/protocol";
import { parseAccept } from "hono/utils/accept";
import { z } from "zod";

import type { TokenState } from "../../flows/introspect.ts";
import { introspect } from "../../flows/introspect.ts";
import { jsonAnswer, jwtAnswer } from "../answers.ts";
import type { Handler, HttpContext } from "../exchange.ts";
import { formBody, taking } from "../request-body.ts";
import type { ResourceServer } from "../resource-server-authentication.ts";
import { requireResourceServer } from "../resource-server-authentication.ts";

const asked = z.object({ token: z.string() });

/** RFC 7662, and as a signed JWT RFC 9701. The hint is not needed: no text is a token of both kinds. */
export const postIntrospect: Handler = taking(formBody(asked), async (exchange, readBody) => {
  const { http, request } = exchange;
  const server = await requireResourceServer(exchange);
  const { token } = await readBody();
  const state = await introspect(http, { token, audiences: server.audiences, takesApiTokens: server.takesApiTokens });
  if (state.kind === "unknown") http.scanLimit.count(server.id);

  const body = introspectionAnswer(http, state);
  if (!wantsJwt(request.headers.get("accept"))) return jsonAnswer(200, body);
  return jwtAnswer(await signedAnswer(http, server, body), `application/${INTROSPECTION_TYPE}`);
});

function introspectionAnswer(http: HttpContext, state: TokenState): object {
  if (state.kind === "access_token" || state.kind === "api_token") {
    const { claims } = state;
    // Claims of a hook's come along, and must not say what is said here.
    return { ...claims, active: true, token_type: claims.cnf === undefined ? "Bearer" : "DPoP" };
  }
  if (state.kind === "refresh_token") {
    // For the authority, and of no use at an API (`N_A`, RFC 8693 §2.2.1), even one that looks at `active` alone.
    return { active: true, token_type: "N_A", iss: http.issuer, aud: http.issuer, ...state.claims };
  }
  return { active: false };
}

/** No `sub` and no `exp` besides, so that it can be taken for no other kind of token (RFC 9701 §5). */
async function signedAnswer(http: HttpContext, server: ResourceServer, answer: object): Promise<string> {
  const claims = { iss: http.issuer, aud: server.id, iat: http.clock(), token_introspection: answer };
  return http.keyRing.signingKey.sign(claims, { typ: INTROSPECTION_TYPE });
}

/** Whether the JWT is asked for by name, and not less than JSON. */
function wantsJwt(accept: string | null): boolean {
  const quality = new Map(parseAccept(accept ?? "").map(({ type, q }) => [type.toLowerCase(), q]));
  const wanted = quality.get(`application/${INTROSPECTION_TYPE}`) ?? 0;
  return wanted > 0 && wanted >= (quality.get("application/json") ?? 0);
}
