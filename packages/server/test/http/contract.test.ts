import { createHash } from "node:crypto";

import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";

import { createApp } from "../../src/http/app.ts";
import type { HttpContext } from "../../src/http/exchange.ts";
import { servedRoutes } from "../../src/http/provisions.ts";
import { ROUTES } from "../../src/http/routes.ts";
import type { AuthServerOptions } from "../../src/index.ts";
import type { Answer, Call, TestAuthority } from "../authority.ts";
import { granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { WITH_API_TOKENS } from "./api-token-calls.ts";
import { CLIENT, startFullAuthority } from "./full-authority.ts";
import { API, basicOf, form } from "./resource-server.ts";

const LINKS = { verifyEmail: "https://app.example.com/verify", resetPassword: "https://app.example.com/reset" };

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly requestBody?: { readonly required: boolean; readonly content: object };
}

interface Contract {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

async function contractOf(authority: TestAuthority): Promise<Contract> {
  const answer = await authority.call("GET", "/openapi.json");
  expect(answer.status).toBe(200);
  return answer.body as Contract;
}

/** `POST /auth/login` and so on, sorted. */
function operationsOf({ paths }: Contract): string[] {
  return Object.entries(paths)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`))
    .toSorted();
}

/** Of a bare request: without body and credentials. */
async function statusOf({ server }: TestAuthority, method: string, path: string): Promise<number> {
  const { status, body } = await server.fetch(new Request(server.issuer + path, { method }));
  await body?.cancel();
  return status;
}

const ownUsers: AuthServerOptions["users"] = {
  findUser: async () => undefined,
  authenticate: async () => undefined,
};

const DEPLOYMENTS: readonly (readonly [string, Partial<AuthServerOptions>])[] = [
  ["as it comes", {}],
  ["with users of its operator's", { users: ownUsers }],
  ["with API tokens and resource servers", WITH_API_TOKENS],
  ["with clients", { clients: [CLIENT] }],
  ["with status lists, below a path", { statusList: true, issuer: "https://example.com/id" }],
  [
    "with mail, but no page for a change of the address",
    { mail: { mailer: { send: async () => undefined }, links: LINKS } },
  ],
];

describe("GET /openapi.json", () => {
  it.each(DEPLOYMENTS)("is valid OpenAPI 3.1: an authority %s", async (_, options) => {
    const contract = await contractOf(await startAuthority(options));
    expect(contract).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./) });
    expect(await new Validator({ strict: false }).validate({ ...contract })).toEqual({ valid: true });
  });

  it.each(DEPLOYMENTS)("describes the routes that are answered, and no other: an authority %s", async (_, options) => {
    const authority = await startAuthority(options);
    const described = operationsOf(await contractOf(authority));
    for (const { method, path } of ROUTES) {
      const status = await statusOf(authority, method, path.replace(/:\w+/, "0"));
      const isServed = status !== 404 && status !== 405;
      const isDescribed = described.includes(`${method} ${path.replace(/:(\w+)/, "{$1}")}`);
      expect({ method, path, isServed }).toEqual({ method, path, isServed: isDescribed });
    }
  });

  it("describes all that is routed at all, but for the second address of the metadata", () => {
    // What routing needs of an authority; nothing is answered here.
    const http = { issuer: ISSUER, basePath: "", cookies: { secure: true } } as HttpContext;
    const routed = createApp(http).routes.filter(({ method }) => method !== "ALL" && method !== "OPTIONS");
    expect(routed.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /.well-known/oauth-authorization-server",
      ...servedRoutes(ROUTES, http).map(({ method, path }) => `${method} ${path}`),
    ]);
  });

  it("says who must be known: without credentials those routes are 401, and the others are not", async () => {
    const { authority } = await startFullAuthority();
    for (const [path, operations] of Object.entries((await contractOf(authority)).paths)) {
      for (const [method, { security, operationId }] of Object.entries(operations)) {
        if (security?.some((way) => Object.keys(way).length === 0)) continue;
        const status = await statusOf(authority, method.toUpperCase(), path.replace(/\{\w+\}/, "0"));
        expect({ operationId, isRefused: status === 401 }).toEqual({ operationId, isRefused: security !== undefined });
      }
    }
  });

  it("has the schemas that requests are held against: what is asked for is refused without it", async () => {
    const { authority } = await startFullAuthority();
    const { schemas } = (await contractOf(authority)).components;
    expect(schemas["PostAuthLoginBody"]).toMatchObject({
      type: "object",
      properties: {
        email: { type: "string", format: "email", maxLength: 254 },
        transport: { enum: ["cookie", "body", "session"] },
      },
      required: ["email", "password"],
      additionalProperties: false,
    });
    const { body } = await authority.call("POST", "/auth/login", { json: { email: "ada@example.com" } });
    expect(body).toMatchObject({ error: "invalid_request", error_description: "password: must be a string." });
  });

  it("holds no secret, and may be read by any page", async () => {
    const { authority } = await startFullAuthority();
    const { headers, body } = await authority.call("GET", "/openapi.json");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(JSON.stringify(body)).not.toMatch(/secret-of-at-least/);
  });

  it("says what is answered: every route's answer has the schema of its status", async () => {
    const { authority, mailed } = await startFullAuthority();
    const answered = new Set<string>();
    const hold = async (method: string, path: string, call: Call = {}): Promise<Answer> => {
      const { pathname } = new URL(path, ISSUER);
      const route = ROUTES.find(
        (one) => one.method === method && new RegExp(`^${one.path.replace(/:\w+/, "[^/]+")}$`).test(pathname),
      );
      const answer = await authority.call(method, path, call);
      const name = `${method} ${route?.path}`;
      const content = route?.answers[answer.status];
      expect(content, `${name}: ${answer.status} ${JSON.stringify(answer.body)}`).toBeDefined();
      const schema = content?.[answer.headers.get("content-type") ?? ""];
      expect({ name, isDescribed: schema !== undefined }).toEqual({ name, isDescribed: answer.body !== undefined });
      // Members that the schema does not know would be missing from what it reads.
      expect(schema?.parse(answer.body), name).toEqual(answer.body);
      answered.add(name);
      return answer;
    };
    const email = "ada@example.com";
    const json = { email, password: PASSWORD };
    const asApi = { headers: { Authorization: basicOf("api") } };

    await hold("POST", "/auth/signup", { json: { ...json, name: "Ada" } });
    const signedIn = async () => granted(await hold("POST", "/auth/login", { json }));
    const { access_token: token } = granted(
      await hold("POST", "/auth/refresh", { json: { refresh_token: (await signedIn()).refresh_token } }),
    );
    await hold("POST", "/auth/login", {
      json: { ...json, transport: "session" },
      headers: { "Sec-Fetch-Site": "same-origin", Origin: ISSUER },
    });
    await hold("GET", "/auth/me", { token });
    await hold("GET", "/auth/sessions", { token });
    await hold("DELETE", `/auth/sessions/${(await signedIn()).session_id}`, { token });
    await hold("POST", "/auth/logout", { json: { refresh_token: (await signedIn()).refresh_token } });
    await hold("POST", "/oauth/revoke", form({ token: (await signedIn()).refresh_token, client_id: "first-party" }));
    const introspection = form({ token });
    await hold("POST", "/oauth/introspect", {
      ...introspection,
      headers: { ...introspection.headers, ...asApi.headers },
    });

    const wanted = { name: "nightly backup", scope: "read:a", audience: API };
    const made = await hold("POST", "/auth/tokens", { token, json: wanted });
    const { id } = (made.body as { api_token: { id: string } }).api_token;
    await hold("POST", "/api-tokens/uses", { ...asApi, json: { uses: [[id, Math.floor(authority.now() / 3_600)]] } });
    await hold("GET", "/auth/tokens", { token });
    await hold("DELETE", `/auth/tokens/${id}`, { token });
    await hold("DELETE", "/auth/tokens", { token });

    const verifier = "v".repeat(43);
    const request = {
      response_type: "code",
      client_id: CLIENT.clientId,
      redirect_uri: CLIENT.redirectUris[0],
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      scope: "openid email",
    };
    await hold("POST", "/oauth/authorize", form(request));
    const pushed = (await hold("POST", "/oauth/par", form(request))).body as { request_uri: string };
    const byReference = new URLSearchParams({ client_id: CLIENT.clientId, ...pushed });
    const sentOn = await hold("GET", `/oauth/authorize?${byReference.toString()}`);
    const handle = new URL(sentOn.headers.get("location") ?? "").hash.slice("#request=".length);
    const asPage = { Origin: ISSUER, Cookie: sentOn.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
    await hold("GET", `/oauth/interaction/${handle}`, { headers: asPage });
    const allow = { token, headers: asPage, json: { decision: "allow" } };
    const decided = await hold("POST", `/oauth/interaction/${handle}`, allow);
    const { searchParams } = new URL((decided.body as { redirect_to: string }).redirect_to);
    const code = searchParams.get("code") ?? "";
    const redemption = { grant_type: "authorization_code", client_id: "shop", code, code_verifier: verifier };
    const granting = granted(await hold("POST", "/oauth/token", form(redemption)));
    const { access_token: theirs, id_token: idToken } = granting as { access_token: string; id_token?: string };
    for (const method of ["GET", "POST"]) await hold(method, "/oauth/userinfo", { token: theirs });

    const bye = { id_token_hint: idToken ?? "", post_logout_redirect_uri: CLIENT.postLogoutRedirectUris[0] ?? "" };
    await hold("GET", `/oauth/logout?${new URLSearchParams(bye).toString()}`);
    await hold("POST", "/oauth/logout", form(bye));

    await hold("POST", "/auth/email/resend", { token });
    await hold("POST", "/auth/email/verify", { token, json: { token: await mailed(/^Confirm your e-mail/) } });
    const changed = { email: "ada@new.example.com", password: PASSWORD };
    await hold("POST", "/auth/email/change", { token, json: changed });
    const confirmation = { token: await mailed(/^Confirm your new e-mail/), password: PASSWORD };
    await hold("POST", "/auth/email/change/confirm", { json: confirmation });
    await hold("POST", "/auth/password/forgot", { json: { email: changed.email } });
    const password = "another correct horse battery";
    await hold("POST", "/auth/password/reset", { json: { token: await mailed(/^Choose a new/), password } });
    const again = async (): Promise<Call> => ({
      token: granted(await hold("POST", "/auth/login", { json: { email: changed.email, password } })).access_token,
    });
    const passwords = { current_password: password, new_password: PASSWORD };
    await hold("POST", "/auth/password", { ...(await again()), json: passwords });
    await hold("POST", "/auth/password", {
      token: granted(await hold("POST", "/auth/login", { json: { email: changed.email, password: PASSWORD } }))
        .access_token,
      json: { current_password: PASSWORD, new_password: password },
    });
    await hold("POST", "/auth/logout-all", await again());
    await hold("DELETE", "/auth/me", { ...(await again()), json: { password } });

    for (const path of ["openid-configuration", "jwks.json", "api-token-jwks.json"])
      await hold("GET", `/.well-known/${path}`);
    await hold("GET", "/revocations");
    await hold("GET", "/health/live");
    await hold("GET", "/health/ready");
    await hold("GET", "/openapi.json");
    // A JWT, which is text.
    const list = await authority.server.fetch(new Request(`${ISSUER}/status-lists/0`));
    expect(Object.keys(ROUTES.find(({ path }) => path === "/status-lists/:id")?.answers[list.status] ?? {})).toEqual([
      list.headers.get("content-type"),
    ]);
    answered.add("GET /status-lists/:id");
    const page = await authority.server.fetch(new Request(`${ISSUER}/oauth/interaction`));
    expect(Object.keys(ROUTES.find(({ path }) => path === "/oauth/interaction")?.answers[page.status] ?? {})).toEqual([
      page.headers.get("content-type"),
    ]);
    answered.add("GET /oauth/interaction");

    expect([...answered].toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
  });
});
