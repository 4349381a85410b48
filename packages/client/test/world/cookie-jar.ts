import type { CookieAccess } from "../../src/browser/cookie-store.ts";

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly httpOnly: boolean;
}

/** As much of a browser's cookie jar as one host needs: name, path, HttpOnly, and Max-Age=0 for deletion. */
export interface CookieJar {
  /** What `document.cookie` is to a page at `/`. */
  readonly page: CookieAccess;
  /** The `Cookie` header of a request. */
  headerFor(path: string): string;
  store(setCookies: readonly string[]): void;
  get(name: string): string | undefined;
  /** All of it, as a thief would copy it, and back. */
  copy(): readonly Cookie[];
  restore(cookies: readonly Cookie[]): void;
}

export function createCookieJar(): CookieJar {
  let cookies: readonly Cookie[] = [];

  function set(text: string, fromPage: boolean): void {
    const [pair = "", ...attributes] = text.split(";").map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf("="));
    const value = pair.slice(pair.indexOf("=") + 1);
    const path = attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? "/";
    const deleted = attributes.some((part) => /^max-age=0$/i.test(part));
    const old = cookies.find((cookie) => cookie.name === name && cookie.path === path);
    if (fromPage && old?.httpOnly === true) return;
    const httpOnly = attributes.some((part) => /^httponly$/i.test(part));
    cookies = cookies.filter((cookie) => cookie !== old);
    if (!deleted) cookies = [...cookies, { name, value, path, httpOnly }];
  }

  const render = (some: readonly Cookie[]): string => some.map(({ name, value }) => `${name}=${value}`).join("; ");

  return {
    page: {
      get cookie() {
        return render(cookies.filter(({ httpOnly, path }) => !httpOnly && path === "/"));
      },
      set cookie(text) {
        set(text, true);
      },
    },
    headerFor: (path) => render(cookies.filter((cookie) => path.startsWith(cookie.path))),
    store(setCookies) {
      for (const text of setCookies) set(text, false);
    },
    get: (name) => cookies.find((cookie) => cookie.name === name)?.value,
    copy: () => cookies,
    restore(copied) {
      cookies = copied;
    },
  };
}
