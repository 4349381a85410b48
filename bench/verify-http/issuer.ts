import { exportPublicJwk, exportPublicPem, generateSigningKey, signJwt } from "@latchkey/jwt";
import type { JSONWebKeySet } from "jose";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { accessTokenClaims, kid, tokenCount, typ } from "../jwt/workload.ts";

export type HttpAlgorithm = "RS256" | "ES256";

/** What a guard is told of the issuer. */
export interface Issuer {
  readonly url: string;
  readonly audience: string;
  readonly alg: HttpAlgorithm;
  readonly jwks: JSONWebKeySet;
  readonly publicPem: string;
}

/** A real issuer on loopback, for the guards that fetch their keys themselves. */
export interface RunningIssuer {
  readonly issuer: Issuer;
  readonly tokens: readonly string[];
  stop(): void;
}

export async function startIssuer(alg: HttpAlgorithm): Promise<RunningIssuer> {
  const key = generateSigningKey(alg, { kid });
  const jwks = { keys: [exportPublicJwk(key)] } as JSONWebKeySet;
  const server: Server = createServer((request, response) => {
    const isKeySet = request.url === "/jwks.json";
    const body = isKeySet ? jwks : { issuer: url, jwks_uri: `${url}/jwks.json` };
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const audience = "https://api.example.com";
  const now = Math.floor(Date.now() / 1000);
  const tokens = Array.from({ length: tokenCount }, (_, number) =>
    signJwt({ ...accessTokenClaims(now, number), iss: url, aud: audience }, key, { typ }),
  );
  return {
    issuer: { url, audience, alg, jwks, publicPem: exportPublicPem(key) },
    tokens,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
