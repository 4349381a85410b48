import type { Page } from "playwright-core";

import type { Traffic } from "./traffic.ts";

export interface ProbeFinding {
  /** Places where a refresh token was. */
  readonly tokens: readonly string[];
  /** Formats in which a private key was given away. */
  readonly exported: readonly string[];
  /** Whether it found what any script may read: that it looked where things are. */
  readonly sawCsrfToken: boolean;
  readonly sawKey: boolean;
}

/** Looks for refresh tokens wherever a script in the page can, and tries to carry the key away. */
export async function probePage(page: Page, traffic: Traffic): Promise<ProbeFinding> {
  const { places, exported, sawKey } = await page.evaluate(search);
  const tokens = [...traffic.refreshTokens];
  return {
    tokens: Object.entries(places)
      .filter(([, text]) => tokens.some((token) => text.includes(token) || text.includes(token.slice(-30))))
      .map(([place]) => place),
    exported,
    sawCsrfToken: /__Host-latchkey-csrf=\d/.test(places["document.cookie"] ?? ""),
    sawKey,
  };
}

/** Runs in the page. */
async function search(): Promise<{
  readonly places: Record<string, string>;
  readonly exported: readonly string[];
  readonly sawKey: boolean;
}> {
  const keys: CryptoKey[] = [];
  const seen = new Set<unknown>();
  /** All texts that can be reached from a value. */
  const textsIn = (value: unknown, depth = 0): string => {
    if (typeof value === "string") return `${value}\n`;
    if (typeof value === "function") return depth < 6 ? `${String(value)}\n${ownTexts(value, depth)}` : "";
    if (typeof value !== "object" || value === null || depth > 6 || seen.has(value)) return "";
    seen.add(value);
    if (value instanceof CryptoKey) keys.push(value);
    if (value instanceof Node || value instanceof Window) return "";
    return ownTexts(value, depth);
  };
  const ownTexts = (value: object, depth: number): string =>
    Reflect.ownKeys(value)
      .map((name) => {
        try {
          return textsIn((value as Record<PropertyKey, unknown>)[name], depth + 1);
        } catch {
          return "";
        }
      })
      .join("");
  const asked = <Result>(request: IDBRequest<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      request.addEventListener("success", () => resolve(request.result));
      request.addEventListener("error", () => reject(new Error("IndexedDB")));
    });

  const databases: string[] = [];
  for (const { name = "" } of await indexedDB.databases()) {
    const database = await asked(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const all = await asked(database.transaction(store).objectStore(store).getAll());
      databases.push(name, store, textsIn(all));
    }
    database.close();
  }
  const caught: string[] = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const response of await cache.matchAll()) caught.push(name, await response.text());
  }
  const frame = document.body.appendChild(document.createElement("iframe"));
  const native = new Set(Object.getOwnPropertyNames(frame.contentWindow ?? window));
  frame.remove();
  const added = Object.getOwnPropertyNames(window).filter((name) => !native.has(name) && name !== "loot");
  const window_ = added
    .map((name) => `${name} ${textsIn((window as unknown as Record<string, unknown>)[name])}`)
    .join("\n");

  const exported: string[] = [];
  const privateKeys = keys.filter(({ type }) => type === "private");
  for (const key of privateKeys) {
    if (key.extractable) exported.push("extractable");
    for (const format of ["jwk", "pkcs8", "raw"] as const) {
      await crypto.subtle.exportKey(format, key).then(
        () => exported.push(format),
        () => undefined,
      );
    }
  }
  return {
    places: {
      "document.cookie": document.cookie,
      cookieStore: JSON.stringify(
        await (window as unknown as { cookieStore: { getAll(): unknown } }).cookieStore.getAll(),
      ),
      localStorage: JSON.stringify(localStorage),
      sessionStorage: JSON.stringify(sessionStorage),
      IndexedDB: databases.join("\n"),
      "Cache Storage": caught.join("\n"),
      window: window_,
      "window.name and history": `${window.name} ${JSON.stringify(history.state)} ${location.href}`,
      document: document.documentElement.outerHTML,
      "performance entries": JSON.stringify(performance.getEntries()),
      "requests, answers and messages": window.loot.join("\n"),
    },
    exported,
    sawKey: privateKeys.length > 0,
  };
}
