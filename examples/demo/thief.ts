import { generateKeyPair, generateProof } from "dpop";

import { ATTEMPT_HEADER, cookieNames, CSRF_HEADER, MAX_ATTEMPT_KEYS, parseAttemptKeys } from "@latchkey/protocol";

/**
 * The demo's thief. Page scripts cannot read the refresh cookie, so this stands for what can: malware, a leaked backup, a
 * careless proxy. It takes one copy of the browser's cookies, then refreshes with it over HTTP like anybody else.
 *
 * - `POST /auth/demo/steal` copies the cookies of the request and answers `{ "loot": "<number>" }`
 * - `POST /auth/demo/use` with `{ "loot" }` refreshes with them and answers `{ "status", "error" }`; with `"own_key": true`
 *   and a proof of possession, of the only key that the thief can have: one of its own
 *
 * It lies below `/auth` because the refresh cookie travels nowhere else. Answers `undefined` to anything else.
 */
export function createThief(options: {
  readonly issuer: string;
  readonly allowedOrigins: readonly string[];
}): (request: Request) => Promise<Response> | undefined {
  const names = cookieNames({ secure: false, scope: "path" });
  const loot = new Map<string, Map<string, string>>();
  const ownKey = generateKeyPair("ES256");

  const steal = (request: Request): Response => {
    const jar = new Map(
      (request.headers.get("cookie") ?? "").split("; ").map((pair): [string, string] => {
        const equals = pair.indexOf("=");
        return [pair.slice(0, equals), pair.slice(equals + 1)];
      }),
    );
    if (!jar.has(names.refresh))
      return Response.json({ error: "nothing to steal: nobody is signed in" }, { status: 404 });
    const id = crypto.randomUUID();
    loot.set(id, jar);
    const [oldest] = loot.keys();
    if (loot.size > MAX_LOOT && oldest !== undefined) loot.delete(oldest);
    return Response.json({ loot: id }, { headers: { "Cache-Control": "no-store" } });
  };

  const use = async (request: Request): Promise<Response> => {
    const order: unknown = await request.json().catch(() => undefined);
    const id = typeof order === "object" && order !== null && "loot" in order ? order.loot : undefined;
    const jar = typeof id === "string" ? loot.get(id) : undefined;
    if (jar === undefined) return Response.json({ error: "there is no such loot" }, { status: 404 });
    const url = `${options.issuer}/auth/refresh`;
    const provesOwnKey = typeof order === "object" && order !== null && "own_key" in order && order.own_key === true;
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
        Origin: options.issuer,
        [CSRF_HEADER]: jar.get(names.csrf) ?? "",
        ...(provesOwnKey && { DPoP: await generateProof(await ownKey, url, "POST") }),
        // A thief who knows the protocol: a key of its own, and those it found. It lacks the one that the victim uses next.
        [ATTEMPT_HEADER]: [crypto.randomUUID(), ...stolenAttemptKeys(jar.get(names.attempt))].join(","),
      },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      jar.set(name, value);
    }
    const body = (await answer.json()) as { readonly error?: string };
    return Response.json(
      { status: answer.status, error: body.error ?? null },
      { headers: { "Cache-Control": "no-store" } },
    );
  };

  return (request) => {
    const { pathname } = new URL(request.url);
    if (request.method !== "POST" || (pathname !== "/auth/demo/steal" && pathname !== "/auth/demo/use"))
      return undefined;
    if (!options.allowedOrigins.includes(request.headers.get("origin") ?? "")) {
      return Promise.resolve(Response.json({ error: "the thief works for the demo page alone" }, { status: 403 }));
    }
    return pathname === "/auth/demo/steal" ? Promise.resolve(steal(request)) : use(request);
  };
}

function stolenAttemptKeys(cookie = ""): readonly string[] {
  return (parseAttemptKeys(cookie) ?? []).slice(0, MAX_ATTEMPT_KEYS - 1);
}

const MAX_LOOT = 20;
