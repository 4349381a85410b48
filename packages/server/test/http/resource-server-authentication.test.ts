import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { createResourceServers, findResourceServer } from "../../src/http/resource-server-authentication.ts";
import { ISSUER } from "../authority.ts";

const SECRET = "first-secret-of-thirty-two-chars";
const NEXT_SECRET = "other secret: 100% +/= of 32 characters";
const resourceServers = createResourceServers([
  { id: "api", secrets: [SECRET, NEXT_SECRET], audiences: new Set(["https://api.example.com"]), takesApiTokens: false },
  { id: "https://other.example.com", secrets: [SECRET], audiences: new Set(), takesApiTokens: false },
]);

const formEncode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);
const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

function idOf(authorization: string | undefined): string | undefined {
  const headers = new Headers(authorization === undefined ? {} : { Authorization: authorization });
  return findResourceServer({ request: new Request(ISSUER, { headers }), http: { resourceServers } })?.id;
}

describe("a resource server", () => {
  it.each([
    ["its secret", basic("api", SECRET)],
    ["the secret that replaces it", basic("api", formEncode(NEXT_SECRET))],
    ["the scheme in any case", basic("api", SECRET).replace("Basic", "bASIC")],
  ])("is known by id and %s", (_what, authorization) => {
    expect(idOf(authorization)).toBe("api");
  });

  it("RFC 6749 §2.3.1: may have a URL for an id, form-urlencoded", () => {
    expect(idOf(basic(formEncode("https://other.example.com"), SECRET))).toBe("https://other.example.com");
  });

  it.each([
    ["nothing", undefined],
    ["another scheme", `Bearer ${SECRET}`],
    ["a wrong secret", basic("api", `${SECRET}x`)],
    ["a part of its secret", basic("api", SECRET.slice(0, -1))],
    ["no secret", basic("api", "")],
    ["the secret of another", basic("https://other.example.com", NEXT_SECRET)],
    ["an id in another case", basic("API", SECRET)],
    ["an unknown id", basic("nobody", SECRET)],
    ["the name of a member every object has", basic("__proto__", SECRET)],
    ["an empty id", basic("", SECRET)],
    ["no colon", `Basic ${Buffer.from("api").toString("base64")}`],
    ["a broken escape", basic("api", `${SECRET}%`)],
    ["no base64", `Basic api:${SECRET}`],
    ["nothing after the scheme", "Basic"],
    ["two credentials", `${basic("api", SECRET)}, ${basic("api", SECRET)}`],
    ["endless credentials", basic("api", SECRET.repeat(1_000))],
  ])("IN-01: is not known by %s", (_what, authorization) => {
    expect(idOf(authorization)).toBeUndefined();
  });

  it("shows its secrets to nobody who looks", () => {
    expect(inspect(resourceServers, { depth: 20, showHidden: true })).not.toContain(SECRET);
    expect(JSON.stringify(resourceServers)).not.toContain(SECRET);
  });
});
