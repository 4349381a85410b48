import { readFileSync } from "node:fs";
import { inspect } from "node:util";

import { expect, it } from "vitest";

import { freshKey, granted, ISSUER, MASTER_SECRET, PASSWORD, startAuthority } from "../authority.ts";
import { basicOf, introspect, revoke, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

it("OP-01 RT-06 E-19: no token, password, cookie or key is in any log, error, URL, event or database file", async () => {
  const authority = await startAuthority({ ...WITH_RESOURCE_SERVERS, statusList: true });
  const first = await authority.signedIn();
  const attempt = freshKey();
  const second = granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": attempt }));
  const browser = await authority.call("POST", "/auth/login", {
    json: { email: "ada@example.com", password: PASSWORD },
    headers: { Origin: ISSUER },
  });
  const cookie = /^[^=]+=([^;]+)/.exec(browser.headers.getSetCookie()[0] ?? "")?.[1] ?? "";
  const refusals = [
    await authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: `${PASSWORD}!` } }),
    await authority.call("GET", "/auth/me", { token: `${second.access_token}x` }),
    await authority.call("POST", "/auth/signup", {
      json: { email: "ada@example.com", password: PASSWORD, x: PASSWORD },
    }),
    await authority.call("POST", "/auth/signup", { text: `{"password":"${PASSWORD}"` }),
    await authority.refresh(first.refresh_token, { "Idempotency-Key": freshKey() }),
  ];
  refusals.push(await introspect(authority, second.access_token, "nobody"));
  refusals.push(await introspect(authority, `${second.access_token}x`), await revoke(authority, second.access_token));
  await authority.server.close();
  refusals.push(await introspect(authority, second.access_token), await revoke(authority, second.refresh_token));
  refusals.push(await authority.refresh(second.refresh_token));

  const secretOf = (token: string): string =>
    (JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { jti: string }).jti;
  const secrets = [
    PASSWORD,
    attempt,
    cookie,
    first.access_token,
    second.access_token,
    first.refresh_token,
    second.refresh_token,
    ...[first.refresh_token, second.refresh_token, cookie].map(secretOf),
    WITH_RESOURCE_SERVERS.resourceServers[2]?.secret ?? "",
    basicOf("gateway").slice("Basic ".length),
    Buffer.from(MASTER_SECRET).toString("base64url"),
    Buffer.from(MASTER_SECRET).toString("hex"),
  ];
  const seen = [
    ["logs", authority.logs.join("\n")],
    ["refusals", JSON.stringify(refusals.map((answer) => [answer.body, [...answer.headers]]))],
    ["the server, inspected", inspect(authority.server, { depth: 20, showHidden: true })],
    ["the database", readFileSync(authority.path, "latin1")],
  ] as const;
  expect(authority.logs.join("\n")).toContain("could not be answered");
  for (const [where, text] of seen) {
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10);
      expect(text.includes(secret), `${where} hold a secret`).toBe(false);
    }
  }
});
