import { hash, randomBytes, timingSafeEqual } from "node:crypto";

import { refuseClient } from "../flows/refuse-client.ts";
import { readBasicCredentials } from "./basic-credentials.ts";
import type { Exchange, HttpContext } from "./exchange.ts";

/** One of your APIs, once it has proved who it is. */
export interface ResourceServer {
  readonly id: string;
  /** The audiences whose tokens it may ask about. */
  readonly audiences: ReadonlySet<string>;
  /** Whether it takes API tokens; to one that does not, they are none. */
  readonly takesApiTokens: boolean;
}

/** Who may ask this authority about tokens. Holds hashes alone. */
export interface ResourceServers {
  /** Whether there are any. */
  readonly configured: boolean;
  /** The resource server with this id and secret; an unknown id takes as long as a wrong secret. */
  authenticate(id: string, secret: string): ResourceServer | undefined;
  /** Whether there is one of this id. */
  has(id: string): boolean;
}

/** Secrets of at least this many characters are not guessed, so that a fast hash does. */
export const MIN_RESOURCE_SERVER_SECRET_LENGTH = 32;

/** @param registered ids are different; each has at least one secret, and more while one is being replaced */
export function createResourceServers(
  registered: readonly (ResourceServer & { readonly secrets: readonly string[] })[],
): ResourceServers {
  const width = Math.max(1, ...registered.map(({ secrets }) => secrets.length));
  // What has fewer secrets, or does not exist, is compared with hashes of nothing.
  const padded = (hashes: readonly Buffer[]): readonly Buffer[] =>
    Array.from({ length: width }, (_, index) => hashes[index] ?? randomBytes(32));
  const nobody = { server: undefined, hashes: padded([]) };
  const byId = new Map(
    registered.map(({ id, audiences, takesApiTokens, secrets }) => [
      id,
      {
        server: { id, audiences, takesApiTokens },
        hashes: padded(secrets.map((secret) => hash("sha256", secret, "buffer"))),
      },
    ]),
  );

  return {
    configured: byId.size > 0,
    authenticate(id, secret) {
      const presented = hash("sha256", secret, "buffer");
      const { server, hashes } = byId.get(id) ?? nobody;
      const matches = hashes.map((expected) => timingSafeEqual(expected, presented));
      return matches.includes(true) ? server : undefined;
    },
    has: (id) => byId.has(id),
  };
}

/**
 * Which resource server calls, by HTTP Basic with id and secret form-urlencoded (`client_secret_basic`, RFC 6749 §2.3.1).
 * Nothing of the request's body has been read before.
 *
 * @throws AuthError `invalid_client`, whatever is wrong
 */
export async function requireResourceServer(exchange: Exchange): Promise<ResourceServer> {
  const { request, http, origin } = exchange;
  const server = findResourceServer(exchange);
  if (server !== undefined) return server;
  const [id] = readBasicCredentials(request.headers.get("authorization"));
  throw await refuseClient(http, { clientId: http.resourceServers.has(id) ? id : null, origin });
}

/** Which one calls, if any does, where anybody may. */
export function findResourceServer({ request, http }: Caller): ResourceServer | undefined {
  const [id, secret] = readBasicCredentials(request.headers.get("authorization"));
  return http.resourceServers.authenticate(id, secret);
}

interface Caller {
  readonly request: Request;
  readonly http: Pick<HttpContext, "resourceServers">;
}
