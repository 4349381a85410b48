import { type Fetched, failed } from "./key-set-failure.ts";

/** 100 keys with certificate chains fit; a body made to fill memory does not. Counted after decompression. */
export const MAX_DOCUMENT_BYTES: number = 512 * 1024;

const DOCUMENT_TYPES = "application/json, application/jwk-set+json";

export interface FetchContext {
  readonly fetch: typeof globalThis.fetch;
  /** Ends the whole exchange, body included: an issuer that drips one byte a second is as good as down. */
  readonly signal: AbortSignal;
}

/** What to ask for other than a public document. */
export interface JsonRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** Makes it a POST. */
  readonly body?: URLSearchParams;
  readonly maxBytes?: number;
}

/**
 * One JSON document from the issuer. Redirects are not followed, not even on one origin: the URL comes from the
 * configuration or from the issuer itself, so there is nothing to find elsewhere.
 */
export async function fetchJson(
  url: string,
  { fetch, signal }: FetchContext,
  { headers, body, maxBytes = MAX_DOCUMENT_BYTES }: JsonRequest = { headers: { Accept: DOCUMENT_TYPES } },
): Promise<Fetched<unknown>> {
  try {
    const response = await fetch(url, {
      signal,
      redirect: "manual",
      // A new key must be seen at once: neither a shared cache nor a framework that caches fetches may answer.
      cache: "no-store",
      headers,
      ...(body !== undefined && { method: "POST", body }),
    });
    const { status } = response;
    if (status !== 200) {
      await response.body?.cancel();
      const redirected = response.type === "opaqueredirect" || (status >= 300 && status < 400);
      return redirected
        ? failed("redirected", `${url} redirects elsewhere, which is refused.`, status)
        : failed("bad_status", `${url} answered ${status}.`, status);
    }
    const text = await readText(response, maxBytes);
    if (text === undefined) return failed("too_large", `${url} answered more than ${maxBytes} bytes.`);
    return parseJson(url, text);
  } catch (error) {
    if (signal.aborted) return failed("timeout", `${url} did not answer in time.`);
    return failed("unreachable", `${url} cannot be reached${describeCause(error)}.`);
  }
}

/** `undefined` where it is longer than the cap; what is beyond is never read. */
async function readText(response: Response, maxBytes: number): Promise<string | undefined> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the stream and closes the connection.
  const body: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(url: string, text: string): Fetched<unknown> {
  try {
    return { kind: "ok", value: JSON.parse(text) };
  } catch (error) {
    // A SyntaxError quotes the text, which is none of the log's business.
    if (error instanceof SyntaxError || error instanceof RangeError) return failed("not_json", `${url} is no JSON.`);
    throw error;
  }
}

/** Only the code (`ECONNREFUSED`, `CERT_HAS_EXPIRED`): messages of network errors may quote what was received. */
export function describeCause(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code) ? ` (${code})` : "";
}
