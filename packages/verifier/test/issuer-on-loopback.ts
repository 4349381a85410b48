import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import {
  exportPublicJwk,
  generateSigningKey,
  type Jwk,
  type JwtAlgorithm,
  type SigningKey,
  signJws,
} from "@latchkey/jwt";

export const AUDIENCE = "https://api.example.com";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real issuer: an HTTP server on loopback with metadata and a key set, which tests can make misbehave. */
export interface TestIssuer {
  readonly url: string;
  readonly origin: string;
  readonly key: SigningKey;
  /** What is published from now on. */
  publish(keys: readonly (SigningKey | Jwk)[]): void;
  /** More for its metadata, from now on. */
  describe(metadata: object): void;
  /** Answers this path, whatever its query, in another way; `undefined` brings the right answer back. */
  answerWith(path: string, answer: Answer | undefined): void;
  /** How often a path was asked for. */
  hits(path: string): number;
  readonly paths: readonly string[];
  /** A good access token, with these claims changed; `undefined` leaves a claim out. */
  issue(claims?: object, options?: IssueOptions): string;
  stop(): Promise<void>;
}

export interface IssueOptions {
  readonly key?: SigningKey;
  readonly typ?: string;
}

export interface TestIssuerOptions {
  readonly path?: string;
  readonly alg?: JwtAlgorithm;
  /** Seconds since 1970. */
  readonly clock?: () => number;
  readonly port?: number;
  readonly key?: SigningKey;
}

export const OPENID = "/.well-known/openid-configuration";
export const OAUTH = "/.well-known/oauth-authorization-server";
export const JWKS = "/.well-known/jwks.json";

export async function startIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { path = "", clock = () => Date.now() / 1000 } = options;
  const key = options.key ?? generateSigningKey(options.alg ?? "ES256");
  let published: readonly (SigningKey | Jwk)[] = [key];
  const answers = new Map<string, Answer>();
  const paths: string[] = [];
  const { server, origin } = await listen((request, response) => {
    const asked = request.url ?? "";
    paths.push(asked);
    const answer = answers.get(asked) ?? answers.get(asked.split("?")[0] ?? "") ?? rightAnswers.get(asked);
    (answer ?? notFound)(request, response);
  }, options.port);
  const url = `${origin}${path}`;
  let more: object = {};
  const metadata: Answer = (_, response) => json(response, { issuer: url, jwks_uri: `${url}${JWKS}`, ...more });
  const rightAnswers = new Map<string, Answer>([
    [`${path}${OPENID}`, metadata],
    [`${OAUTH}${path}`, metadata],
    [`${path}${JWKS}`, (_, response) => json(response, { keys: published.map(toJwk) })],
  ]);

  return {
    url,
    origin,
    key,
    paths,
    publish(keys) {
      published = keys;
    },
    describe(metadata) {
      more = metadata;
    },
    answerWith(asked, answer) {
      if (answer === undefined) answers.delete(asked);
      else answers.set(asked, answer);
    },
    hits: (asked) => paths.filter((entry) => entry === asked).length,
    issue(claims = {}, { key: signer = key, typ = "at+jwt" } = {}) {
      return signJws(Buffer.from(JSON.stringify(accessTokenClaims(url, clock(), claims))), signer, { typ });
    },
    stop: () => stopServer(server),
  };
}

export function accessTokenClaims(issuer: string, now: number, changes: object = {}): object {
  const claims: Record<string, unknown> = {
    iss: issuer,
    sub: "user-1",
    aud: AUDIENCE,
    client_id: "first-party",
    iat: Math.floor(now),
    exp: Math.floor(now) + 600,
    jti: "token-1",
    sid: "session-1",
    scope: "read:users read:reports",
    auth_time: Math.floor(now) - 60,
    amr: ["pwd"],
    acr: "1",
    roles: ["editor"],
    ...changes,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

export async function listen(listener: RequestListener, port = 0): Promise<{ server: Server; origin: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export async function stopServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

export function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

export function answerText(status: number, body: string): Answer {
  return (_, response) => response.writeHead(status, { "Content-Type": "application/json" }).end(body);
}

function notFound(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404).end();
}

function toJwk(key: SigningKey | Jwk): Jwk {
  return "type" in key && key.type === "signing" ? exportPublicJwk(key as SigningKey) : (key as Jwk);
}
