import { authorizationServerMetadataUrl, openidConfigurationUrl } from "@latchkey/protocol";

import { fetchJson, type FetchContext } from "./fetch-json.ts";
import { isKeySetUrl } from "./issuer-url.ts";
import { type Fetched, failed } from "./key-set-failure.ts";

/**
 * Where the issuer keeps its keys, by its own metadata: OpenID Connect Discovery §4 first, RFC 8414 §3 where there is
 * none. The metadata must name the configured issuer byte for byte (RFC 8414 §3.3), or whoever can put one document on
 * that host speaks for the issuer.
 */
export async function discoverKeySetUrl(issuer: string, context: FetchContext): Promise<Fetched<string>> {
  const openid = openidConfigurationUrl(issuer);
  const first = await fetchJson(openid, context);
  if (first.kind === "ok") return readKeySetUrl(issuer, openid, first.value);
  const { reason, status = 0 } = first.failure;
  if (reason !== "bad_status" || status >= 500) return first;

  const oauth = authorizationServerMetadataUrl(issuer);
  const second = await fetchJson(oauth, context);
  if (second.kind === "ok") return readKeySetUrl(issuer, oauth, second.value);
  if (second.failure.reason !== "bad_status") return second;
  return failed(
    "bad_status",
    `No metadata at ${openid} (${status}) nor at ${oauth} (${second.failure.status}).`,
    status,
  );
}

function readKeySetUrl(issuer: string, url: string, metadata: unknown): Fetched<string> {
  if (typeof metadata !== "object" || metadata === null) return failed("bad_metadata", `${url} is no JSON object.`);
  const named = "issuer" in metadata ? metadata.issuer : undefined;
  if (named !== issuer) {
    const found = typeof named === "string" ? JSON.stringify(named.slice(0, 200)) : "none";
    return failed("issuer_mismatch", `${url} names the issuer ${found}: it must be ${JSON.stringify(issuer)} exactly.`);
  }
  const keySetUrl = "jwks_uri" in metadata ? metadata.jwks_uri : undefined;
  if (!isKeySetUrl(keySetUrl, issuer)) return failed("bad_metadata", `${url} has no jwks_uri that is an https: URL.`);
  return { kind: "ok", value: keySetUrl };
}
