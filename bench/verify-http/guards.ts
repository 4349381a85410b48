import { createVerifier as createLatchkeyVerifier } from "@latchkey/verifier";
import { createVerifier as createFastJwtVerifier } from "fast-jwt";
import { createLocalJWKSet, jwtVerify } from "jose";
import { createPublicKey, verify } from "node:crypto";
import { createRequire } from "node:module";
import { type Check, type ExpressGuard, type Guard, type GuardName, NOBODY } from "./api.ts";
import type { Issuer } from "./issuer.ts";

// Without its types, which declare `request.auth` for themselves.
const require = createRequire(import.meta.url);

/** The guards, each with the options its documentation gives for access tokens of one issuer, for one API. */
export async function createGuard(name: GuardName, issuer: Issuer): Promise<Guard> {
  switch (name) {
    case "nothing":
      return { kind: "check", check: () => NOBODY };
    case "bare crypto.verify":
      return { kind: "check", check: bareVerify(issuer) };
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

/** The floor of whoever checks a signature: the one call of `node:crypto`, and no look at the claims but for the subject. */
function bareVerify({ alg, publicPem }: Issuer): Check {
  const key = createPublicKey(publicPem);
  const given = alg === "ES256" ? ({ key, dsaEncoding: "ieee-p1363" } as const) : key;
  return (token) => {
    const [header = "", payload = "", signature = ""] = token.split(".");
    const signed = Buffer.from(`${header}.${payload}`, "latin1");
    if (!verify("sha256", signed, given, Buffer.from(signature, "base64url"))) throw new Error("wrong signature");
    return (JSON.parse(Buffer.from(payload, "base64url").toString("latin1")) as { readonly sub: string }).sub;
  };
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
