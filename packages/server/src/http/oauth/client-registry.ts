import { hash, randomBytes, timingSafeEqual } from "node:crypto";

import type { VerificationKey } from "@latchkey/jwt";

import type { ClientAuthenticationMethod, OAuthClient } from "../../domain/oauth-client.ts";

/** A client as it was registered, with what it proves itself by: hashes of secrets and public keys alone. */
export interface RegisteredClient extends OAuthClient {
  readonly secretHashes: readonly Buffer[];
  readonly keys: readonly VerificationKey[];
}

/** The clients there are, from the configuration. */
export interface ClientRegistry {
  readonly all: readonly OAuthClient[];
  /** How any of them proves itself. */
  readonly authenticationMethods: readonly ClientAuthenticationMethod[];
  find(id: string): OAuthClient | undefined;
  /** The client with this id and secret; an unknown id takes as long as a wrong secret. */
  findBySecret(id: string, secret: string): OAuthClient | undefined;
  /** The public keys of a client that proves itself by them. */
  keysOf(id: string): readonly VerificationKey[];
  /** Origins of pages that are clients: they may ask the token endpoint from there. */
  readonly pageOrigins: ReadonlySet<string>;
}

/** @param registered ids are different */
export function createClientRegistry(registered: readonly RegisteredClient[]): ClientRegistry {
  const byId = new Map(registered.map((client) => [client.id, client]));
  const width = Math.max(1, ...registered.map(({ secretHashes }) => secretHashes.length));
  // Who has fewer secrets, or does not exist, is compared with hashes of nothing.
  const padding = Array.from({ length: width }, () => randomBytes(32));
  const methods = new Set(registered.map(({ authentication }) => authentication));

  return {
    all: registered,
    authenticationMethods: [...methods],
    find: (id) => byId.get(id),
    findBySecret(id, secret) {
      const presented = hash("sha256", secret, "buffer");
      const client = byId.get(id);
      const hashes = padding.map((nothing, index) => client?.secretHashes[index] ?? nothing);
      const matches = hashes.map((expected) => timingSafeEqual(expected, presented));
      return matches.includes(true) ? client : undefined;
    },
    keysOf: (id) => byId.get(id)?.keys ?? [],
    pageOrigins: new Set(
      registered
        .filter(({ authentication }) => authentication === "none")
        .flatMap(({ redirectUris }) => redirectUris.filter((uri) => /^https?:/.test(uri)))
        .map((uri) => new URL(uri).origin),
    ),
  };
}
