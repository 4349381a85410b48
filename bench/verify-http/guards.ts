import { createVerifier as createLatchkeyVerifier } from "@latchkey/verifier";
import { createVerifier as createFastJwtVerifier } from "fast-jwt";
import { createLocalJWKSet, jwtVerify } from "jose";
import { createRequire } from "node:module";
import type { Check, ExpressGuard, Guard, GuardName } from "./api.ts";
import type { Issuer } from "./issuer.ts";

// Without its types, which declare `request.auth` for themselves.
const require = createRequire(import.meta.url);

/** The guards, each with the options its documentation gives for access tokens of one issuer, for one API. */
export async function createGuard(name: GuardName, issuer: Issuer): Promise<Guard> {
  switch (name) {
    case "Latchkey":
      return latchkey(issuer, {});
    case "Latchkey, no cache":
      return latchkey(issuer, { tokenCache: false });
    case "fast-jwt, cache":
      return { kind: "check", check: fastJwt(issuer, true) };
    case "fast-jwt":
      return { kind: "check", check: fastJwt(issuer, false) };
    case "jose":
      return { kind: "check", check: jose(issuer) };
    case "express-oauth2-jwt-bearer":
      return { kind: "express", guard: expressOauth2(issuer) };
    default:
      throw new Error("no such guard");
  }
}

async function latchkey({ url, audience }: Issuer, options: { readonly tokenCache?: false }): Promise<Guard> {
  const verifier = createLatchkeyVerifier({ issuer: url, audience, ...options });
  await verifier.ready();
  return { kind: "verifier", verifier };
}

function jose({ url, audience, alg, jwks }: Issuer): Check {
  const keySet = createLocalJWKSet(jwks);
  return async (token) => {
    const { payload } = await jwtVerify(token, keySet, { issuer: url, audience, typ: "at+jwt", algorithms: [alg] });
    return payload.sub ?? "";
  };
}

function fastJwt({ url, audience, alg, publicPem }: Issuer, cache: boolean): Check {
  const verify = createFastJwtVerifier({
    key: publicPem,
    algorithms: [alg],
    allowedIss: url,
    allowedAud: audience,
    cache,
  });
  return (token) => (verify(token) as { readonly sub: string }).sub;
}

interface ExpressOauth2 {
  auth(options: {
    readonly issuerBaseURL: string;
    readonly audience: string;
    readonly tokenSigningAlg: string;
  }): ExpressGuard;
}

function expressOauth2({ url, audience, alg }: Issuer): ExpressGuard {
  const library = require("express-oauth2-jwt-bearer") as ExpressOauth2;
  return library.auth({ issuerBaseURL: url, audience, tokenSigningAlg: alg });
}
