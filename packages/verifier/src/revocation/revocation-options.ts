import { VerifierError } from "../errors.ts";
import { isEndpointUrl } from "../issuer-url.ts";

/** How revocations are heard of, and what to do where they are not. */
export interface RevocationOptions {
  /** What the authority's `resourceServers` names this API; not needed where its feed is public. */
  readonly credentials?: { readonly id: string; readonly secret: string } | undefined;
  /** The feed at each node of the authority, tried in turn; by default the one that the metadata names. */
  readonly urls?: readonly string[] | undefined;
  /** How old the knowledge of revocations may become: 5 to 3600 seconds, 30 by default. */
  readonly maxStalenessSeconds?: number | undefined;
  /**
   * What to do with a good token while the knowledge is older than that. `accept-until-expiry`, the default, accepts it, as
   * a verifier without a feed would; `reject` answers 503; `introspect` asks the authority about each (RFC 7662; needs
   * `credentials`), and answers 503 where it is not answered. API tokens, which live long, are rejected by the default, too.
   */
  readonly onStale?: StalePolicy | undefined;
}

export type StalePolicy = "reject" | "introspect" | "accept-until-expiry";

export interface RevocationSettings {
  /** Whether the feed was asked for; otherwise it is followed where it is public. */
  readonly isRequired: boolean;
  /** Adds the credentials; a function, so that no printed object holds them. */
  readonly authorize: ((headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>) | undefined;
  readonly urls: readonly string[];
  readonly maxStalenessSeconds: number;
  readonly onStale: StalePolicy;
}

const names: ReadonlySet<string> = new Set([
  "credentials",
  "urls",
  "maxStalenessSeconds",
  "onStale",
] satisfies readonly (keyof RevocationOptions)[]);

const policies: ReadonlySet<unknown> = new Set<StalePolicy>(["reject", "introspect", "accept-until-expiry"]);

/**
 * `undefined` where revocations are to be ignored.
 *
 * @throws VerifierError `invalid_options`
 */
export function parseRevocationOptions(
  options: RevocationOptions | false | undefined,
  issuer: string,
): RevocationSettings | undefined {
  if (options === false) return undefined;
  if (typeof options !== "object" && options !== undefined) {
    throw invalid("", `must be false or an object of ${[...names].join(", ")}`);
  }
  if (options === null) throw invalid("", `must be false or an object of ${[...names].join(", ")}`);
  const given = options ?? {};
  const unknown = Object.keys(given).find((name) => !names.has(name));
  if (unknown !== undefined) throw invalid(`.${unknown}`, `is no option; known are ${[...names].join(", ")}`);
  const { urls = [], maxStalenessSeconds = 30, onStale = "accept-until-expiry" } = given;
  if (!Array.isArray(urls) || !urls.every((url) => isEndpointUrl(url, issuer))) {
    throw invalid(".urls", "must be a list of https: URLs of the feed at each node, without user names and passwords");
  }
  if (!Number.isInteger(maxStalenessSeconds) || maxStalenessSeconds < 5 || maxStalenessSeconds > 3600) {
    throw invalid(".maxStalenessSeconds", "must be a whole number of seconds from 5 to 3600");
  }
  if (!policies.has(onStale)) throw invalid(".onStale", 'must be "reject", "introspect" or "accept-until-expiry"');
  const authorize = parseCredentials(given.credentials);
  if (onStale === "introspect" && authorize === undefined) {
    throw invalid(".credentials", 'are needed for onStale: "introspect", as in the authority\'s resourceServers');
  }
  return { isRequired: options !== undefined, authorize, urls: [...urls], maxStalenessSeconds, onStale };
}

/** HTTP Basic, id and secret form-urlencoded (RFC 6749 §2.3.1). */
function parseCredentials(credentials: RevocationOptions["credentials"]): RevocationSettings["authorize"] {
  if (credentials === undefined) return undefined;
  const { id, secret } = typeof credentials === "object" && credentials !== null ? credentials : { id: "", secret: "" };
  if (typeof id !== "string" || typeof secret !== "string" || id === "" || secret === "") {
    throw invalid(".credentials", "must be { id, secret } as in the authority's resourceServers");
  }
  const Authorization = `Basic ${Buffer.from(`${formEncode(id)}:${formEncode(secret)}`).toString("base64")}`;
  return (headers) => ({ ...headers, Authorization });
}

function formEncode(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function invalid(name: string, fault: string): VerifierError {
  return new VerifierError("invalid_options", `revocation${name}: ${fault}.`);
}
