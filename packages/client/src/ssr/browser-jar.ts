import { accessCookieName, cookieNames, parseCsrfGeneration } from "@latchkey/protocol";

import type { Credentials } from "../core/ports.ts";

/** What of a browser's cookie jar came with a request, as far as it is ours. */
export interface BrowserJar {
  readonly refresh: string | undefined;
  readonly csrf: string | undefined;
  readonly attempt: string | undefined;
  /** Only beside a CSRF cookie. */
  readonly access: string | undefined;
  /** The session it holds, if it holds one that can be refreshed. */
  readonly credentials: Credentials | undefined;
  /** The `Cookie` header for the authority: its own cookies, and nobody else's. */
  readonly header: string;
}

/**
 * Reads a `Cookie` header by exact names. Where there are two of one name somebody else could plant one: no telling which is
 * ours, so all of it counts as nothing.
 */
export function readBrowserJar(header: string | null, secure: boolean): BrowserJar {
  // By path the refresh cookie never gets here.
  const names = { ...cookieNames({ secure, scope: "origin" }), access: accessCookieName({ secure }) };
  const ours = (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) =>
      Object.values(names).some((name) => pair.startsWith(`${name}=`) && pair.length > name.length + 1),
    );
  const values = new Map(ours.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
  if (values.size < ours.length) return readBrowserJar(null, secure);

  const [refresh, csrf, attempt] = [names.refresh, names.csrf, names.attempt].map((name) => values.get(name));
  const generation = csrf === undefined ? undefined : parseCsrfGeneration(csrf);
  const canRefresh = refresh !== undefined && csrf !== undefined && generation !== undefined;
  return {
    refresh,
    csrf,
    attempt,
    // Signed out without a network, a page can wipe the CSRF cookie and not this one.
    access: csrf === undefined ? undefined : values.get(names.access),
    credentials: canRefresh ? { version: csrf, generation } : undefined,
    header: ours.filter((pair) => !pair.startsWith(`${names.access}=`)).join("; "),
  };
}
