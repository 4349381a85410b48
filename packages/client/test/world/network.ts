import type { CookieJar } from "./cookie-jar.ts";

/** A request of a tab on its way. */
export interface Passage {
  readonly tab: string;
  readonly path: string;
  readonly sent: Request;
  readonly isOpen: () => boolean;
  /** Carries the request to the server; more than once, if networks will. */
  deliver(): Promise<void>;
  /** Carries the last answer to the tab, if the server has answered: first its cookies to the jar. */
  answer(): void;
  /** The tab learns that there will be no answer. */
  fail(): void;
  /** Puts another answer in place of the server's. */
  forge(response: Response): void;
}

export interface Network {
  readonly passages: readonly Passage[];
  open(): readonly Passage[];
  fetchOf(tab: string): (input: string | Request, init?: RequestInit) => Promise<Response>;
}

/** Holds every request until told what becomes of it. Cookies are attached when it is sent, like a browser does. */
export function createNetwork(
  jar: CookieJar,
  origin: string,
  server: (request: Request) => Promise<Response>,
): Network {
  const passages: Passage[] = [];
  return {
    passages,
    open: () => passages.filter((passage) => passage.isOpen()),
    fetchOf: (tab) => (input, init) => {
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      const request = new Request(input, init);
      const { pathname } = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.set("Origin", origin);
      if (request.credentials !== "omit") headers.set("Cookie", jar.headerFor(pathname));
      const { method, keepalive } = request;
      const sent = new Request(request.url, { method, keepalive, headers, ...bodyOf(init) });
      let open = true;
      let response: Response | undefined;
      const close = (): boolean => {
        const was = open;
        open = false;
        return was;
      };
      const abort = (): void => {
        if (close()) reject(new DOMException("aborted", "AbortError"));
      };
      request.signal.addEventListener("abort", abort);
      if (request.signal.aborted) abort();
      passages.push({
        tab,
        path: pathname,
        sent,
        isOpen: () => open,
        async deliver() {
          response = await server(sent.clone());
        },
        answer() {
          if (response === undefined || !close()) return;
          jar.store(response.headers.getSetCookie());
          resolve(response);
        },
        fail() {
          if (close()) reject(new TypeError("network error"));
        },
        forge(forged) {
          response = forged;
        },
      });
      return promise;
    },
  };
}

function bodyOf(init: RequestInit | undefined): { body?: string } {
  return typeof init?.body === "string" ? { body: init.body } : {};
}
