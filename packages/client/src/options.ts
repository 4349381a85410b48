import { ClientError } from "./errors.ts";

/** What a client is made of. */
export interface ClientOptions {
  /**
   * The authority's URL, byte for byte its `issuer`: `https:`, or `http:` on loopback. It must be on the page's own host,
   * since that is whose cookies a page can read; another path or port will do.
   */
  readonly issuer: string;
  /** The APIs that get the access token from `client.fetch`, besides the issuer's own origin: exact origins. */
  readonly apiOrigins?: readonly string[];
  /** How long to wait for an answer of the authority before aborting the request. Default 15. */
  readonly requestTimeoutSeconds?: number;
}

/** The options, checked. */
export interface ClientSettings {
  readonly issuer: string;
  readonly secure: boolean;
  readonly tokenOrigins: ReadonlySet<string>;
  readonly timeoutMs: number;
}

/** @throws ClientError `invalid_options`; it says which and how to mend it */
export function parseOptions(options: ClientOptions): ClientSettings {
  const { issuer, apiOrigins = [], requestTimeoutSeconds = 15, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`${unknown}: is no option.`);

  const url = parseUrl(issuer);
  // In normal form, with no slash at the end, query, fragment or user.
  if (url === undefined || issuer !== url.origin + url.pathname.replace(/\/$/, "")) {
    throw invalid("issuer: must be an https: URL (http: on loopback) without trailing slash, query, fragment.");
  }
  if (!apiOrigins.every((origin) => parseUrl(origin)?.origin === origin)) {
    throw invalid("apiOrigins: must be https: origins (http: on loopback) without trailing slash.");
  }
  if (!(requestTimeoutSeconds >= 1 && requestTimeoutSeconds <= 120)) {
    throw invalid("requestTimeoutSeconds: must be 1 to 120.");
  }
  return {
    issuer,
    secure: url.protocol === "https:",
    tokenOrigins: new Set([url.origin, ...apiOrigins]),
    timeoutMs: requestTimeoutSeconds * 1_000,
  };
}

function invalid(message: string): ClientError {
  return new ClientError("invalid_options", message);
}

/** A token never travels in the clear, but on the machine itself. */
function parseUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? "");
  return url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback) ? url : undefined;
}
