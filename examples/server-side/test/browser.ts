/** As much of a browser as these tests need: a cookie jar for one host, redirects, and `Origin`. */
export interface Browser {
  readonly get: (url: string) => Promise<Response>;
  readonly post: (url: string, body: URLSearchParams | string, origin?: string) => Promise<Response>;
  readonly has: (cookie: string) => boolean;
  /** As time or the user would. */
  readonly drop: (cookie: string) => void;
  /** From here on no answer's cookies are kept: as if none arrived. */
  readonly loseAnswers: (lost: boolean) => void;
  /** How often it was sent to ask again. */
  readonly redirects: () => number;
  /** A thief's copy. */
  readonly copy: () => Browser;
}

export function createBrowser(stored: ReadonlyMap<string, string> = new Map()): Browser {
  const jar = new Map(stored);
  let redirects = 0;
  let lost = false;

  function keep(response: Response): void {
    for (const text of response.headers.getSetCookie()) {
      const [pair = ""] = text.split(";");
      const name = pair.slice(0, pair.indexOf("="));
      if (/;\s*max-age=0\b/i.test(text)) jar.delete(name);
      else jar.set(name, pair.slice(pair.indexOf("=") + 1));
    }
  }

  async function send(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set("Cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    const location = response.headers.get("Location");
    // An answer is lost as a whole: what only prepares it is not meant.
    if (!lost || response.status === 307) keep(response);
    if (location === null || redirects > 20) return response;
    redirects += 1;
    const next = new URL(location, url).href;
    return response.status === 307 ? send(next, init) : send(next, { method: "GET" });
  }

  return {
    get: (url) => send(url, { method: "GET", headers: { "Sec-Fetch-Site": "same-origin" } }),
    post: (url, body, origin = new URL(url).origin) =>
      send(url, {
        method: "POST",
        body,
        headers: { Origin: origin, ...(typeof body === "string" && { "Content-Type": "application/json" }) },
      }),
    has: (cookie) => jar.has(cookie),
    drop: (cookie) => void jar.delete(cookie),
    loseAnswers(value) {
      lost = value;
    },
    redirects: () => redirects,
    copy: () => createBrowser(jar),
  };
}
