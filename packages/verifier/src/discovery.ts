import { authorizationServerMetadataUrl, openidConfigurationUrl } from "@latchkey/protocol";

import { fetchJson, type FetchContext } from "./fetch-json.ts";
import { isEndpointUrl } from "./issuer-url.ts";
import { type Fetched, failed } from "./key-set-failure.ts";

/** What a verifier may ask of an issuer, and where. */
export interface IssuerEndpoints {
  readonly keySet: string;
  readonly revocationFeed: { readonly url: string; readonly isPublic: boolean } | undefined;
  readonly introspection: string | undefined;
  readonly apiTokenKeySet: string | undefined;
  readonly apiTokenUses: string | undefined;
}

/**
 * Where the issuer keeps its keys and what else it offers, by its own metadata: OpenID Connect Discovery §4 first, RFC 8414 §3 where there is
 * none. The metadata must name the configured issuer byte for byte (RFC 8414 §3.3), or whoever can put one document on
 * that host speaks for the issuer.
 */
export async function discoverEndpoints(issuer: string, context: FetchContext): Promise<Fetched<IssuerEndpoints>> {
  const openid = openidConfigurationUrl(issuer);
  const first = await fetchJson(openid, context);
  if (first.kind === "ok") return readEndpoints(issuer, openid, first.value);
  const { reason, status = 0 } = first.failure;
  if (reason !== "bad_status" || status >= 500) return first;

  const oauth = authorizationServerMetadataUrl(issuer);
  const second = await fetchJson(oauth, context);
  if (second.kind === "ok") return readEndpoints(issuer, oauth, second.value);
  if (second.failure.reason !== "bad_status") return second;
  return failed(
    "bad_status",
    `No metadata at ${openid} (${status}) nor at ${oauth} (${second.failure.status}).`,
    status,
  );
}

function readEndpoints(issuer: string, url: string, metadata: unknown): Fetched<IssuerEndpoints> {
  if (typeof metadata !== "object" || metadata === null) return failed("bad_metadata", `${url} is no JSON object.`);
  const named = "issuer" in metadata ? metadata.issuer : undefined;
  if (named !== issuer) {
    const found = typeof named === "string" ? JSON.stringify(named.slice(0, 200)) : "none";
    return failed("issuer_mismatch", `${url} names the issuer ${found}: it must be ${JSON.stringify(issuer)} exactly.`);
  }
  const {
    jwks_uri: keySet,
    revocation_feed_endpoint: feed,
    revocation_feed_access: access,
    introspection_endpoint: introspection,
    api_token_jwks_uri: apiTokenKeySet,
    api_token_uses_endpoint: apiTokenUses,
  } = metadata as Readonly<Record<string, unknown>>;
  if (!isEndpointUrl(keySet, issuer)) return failed("bad_metadata", `${url} has no jwks_uri that is an https: URL.`);
  return {
    kind: "ok",
    value: {
      keySet,
      // What is offered in a way we do not know is not offered to us; the keys serve all the same.
      revocationFeed: isEndpointUrl(feed, issuer) ? { url: feed, isPublic: access === "public" } : undefined,
      introspection: isEndpointUrl(introspection, issuer) ? introspection : undefined,
      apiTokenKeySet: isEndpointUrl(apiTokenKeySet, issuer) ? apiTokenKeySet : undefined,
      apiTokenUses: isEndpointUrl(apiTokenUses, issuer) ? apiTokenUses : undefined,
    },
  };
}
