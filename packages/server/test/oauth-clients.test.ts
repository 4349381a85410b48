import { createHash } from "node:crypto";

import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";

import { isRedirectUriOf } from "../src/domain/oauth-client.ts";
import type { ClientOptions, Store } from "../src/index.ts";
import { parseOptions } from "../src/options.ts";
import { ISSUER, MASTER_SECRET, startAuthority } from "./authority.ts";

const SECRET = "a secret of at least thirty-two characters";
const CLIENT: ClientOptions = { clientId: "shop", name: "Shop", redirectUris: ["https://shop.example.com/cb"] };

/** What an authority with this client says when it is made. */
async function refusal(client: object, options: object = {}): Promise<string> {
  return startAuthority({ clients: [{ ...CLIENT, ...client }], ...options }).then(
    () => "",
    (error: unknown) => String(error),
  );
}

describe("AZ-01, F-01: a redirect URI is compared character by character", () => {
  const client = settingsOf({
    redirectUris: [
      "https://shop.example.com/cb",
      "https://shop.example.com/cb?store=1",
      "http://127.0.0.1/cb",
      "http://[::1]:8000/cb",
      "http://localhost:3000/cb",
      "com.example.shop:/cb",
    ],
  });

  it.each([
    "https://shop.example.com/cb",
    "https://shop.example.com/cb?store=1",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:51004/cb",
    "http://[::1]:1/cb",
    "http://[::1]/cb",
    "http://localhost:3000/cb",
    "com.example.shop:/cb",
  ])("takes %s", (uri) => expect(isRedirectUriOf(client, uri)).toBe(true));

  it.each([
    "https://shop.example.com/cb/",
    "https://shop.example.com/cb/more",
    "https://shop.example.com/c",
    "https://shop.example.com/CB",
    "https://SHOP.example.com/cb",
    "https://shop.example.com./cb",
    "https://shop.example.com:443/cb",
    "https://shop.example.com:8443/cb",
    "https://shop.example.com/x/../cb",
    "https://shop.example.com/..;/cb",
    "https://shop.example.com/%2e%2e/cb",
    "https://shop.example.com/%63b",
    "https://shop.example.com/cb?",
    "https://shop.example.com/cb?more=1",
    "https://shop.example.com/cb?store=1&store=2",
    "https://shop.example.com/cb#",
    "https://shop.example.com@evil.example/cb",
    "https://user@shop.example.com/cb",
    "https://shop.example.com.evil.example/cb",
    "https://evil.example/https://shop.example.com/cb",
    "https:/shop.example.com/cb",
    "http://shop.example.com/cb",
    " https://shop.example.com/cb",
    "https://shop.example.com/cb\n",
    "http://127.0.0.1:80@evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:51004/cb/",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:51004.evil.example/cb",
    "https://127.0.0.1/cb",
    "http://127.0.0.2/cb",
    "http://localhost:3001/cb",
    "http://localhost/cb",
    "com.example.shop://cb",
    "com.example.shop:/cb/",
    "",
  ])("refuses %j", (uri) => expect(isRedirectUriOf(client, uri)).toBe(false));
});

describe("a client that cannot be served safely is refused at start, with how to mend it:", () => {
  it.each([
    [{ redirectUris: ["http://shop.example.com/cb"] }, "must be https:"],
    [{ redirectUris: ["https://shop.example.com/cb#top"] }, "fragment"],
    [{ redirectUris: ["https://*.example.com/cb"] }, "character by character"],
    [{ redirectUris: ["https://user:word@shop.example.com/cb"] }, "name no user"],
    [{ redirectUris: ["javascript:alert(1)"] }, "RFC 8252"],
    [{ redirectUris: ["data:text/html,x"] }, "RFC 8252"],
    [{ redirectUris: ["shop:/cb"] }, "RFC 8252"],
    [{ redirectUris: ["/cb"] }, "absolute"],
    [{ redirectUris: ["https:shop.example.com/cb"] }, "two slashes"],
    [{ redirectUris: ["https:///shop.example.com/cb"] }, "two slashes"],
    [{ redirectUris: ["https://shop.example.com/cb?iss=https://evil.example"] }, "to answers"],
    [{ redirectUris: [] }, "redirectUris"],
    [{ postLogoutRedirectUris: ["http://shop.example.com/"] }, "must be https:"],
    [{ backchannelLogoutUri: "http://shop.example.com/bye" }, "must be an https: URL"],
    [{ backchannelLogoutUri: "https://shop.example.com/bye#top" }, "must be an https: URL"],
    [{ backchannelLogoutUri: "https://user:word@shop.example.com/bye" }, "must be an https: URL"],
    [{ backchannelLogoutUri: "file:///etc/passwd" }, "must be an https: URL"],
    [{ backchannelLogoutUri: "https://shop.example.com/bye", scopes: [] }, "Add openid"],
    [{ backchannelLogoutSessionRequired: true }, "no backchannelLogoutUri"],
    [{ secret: "short" }, "openssl rand -hex 32"],
    [{ secret: { sha256: "abc" } }, "sha256sum"],
    [{ secret: SECRET, keys: [{ kty: "EC" }] }, "Remove one of both"],
    [{ keys: [{ kty: "oct", k: "AAAA", kid: "1", alg: "HS256" }] }, "keys that cannot be taken"],
    [{ clientId: "first-party" }, "clientIds"],
    [{ clientId: ISSUER }, "audience"],
    [{ scopes: ["write"] }, "scopes.allowed"],
    [{ audiences: ["https://other.example.com"] }, "not among audiences"],
    [{ consent: "never", redirectUris: ["http://127.0.0.1/cb"] }, "RFC 8252 §8.6"],
    [{ consent: "never", redirectUris: ["com.example.shop:/cb"] }, "RFC 8252 §8.6"],
    [{ name: "Shop\n\u001b[2J" }, "one line"],
    [{ unknown: true }, "unknown"],
  ])("%j", async (client, words) => expect(await refusal(client)).toContain(words));

  it("OI-04: offline access without consent", async () => {
    expect(await refusal({ consent: "never", scopes: ["openid", "offline_access"] })).toContain("takes consent");
  });

  it("a private key among its keys, which should be nobody's but the client's", async () => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: "1", alg: "ES256" };
    expect(await refusal({ keys: [jwk] })).toContain("secret material");
  });

  it("two of one name", async () => {
    expect(await refusal({}, { clients: [CLIENT, CLIENT] })).toContain("two with the clientId shop");
  });

  it("more than 50 that are told of logouts", async () => {
    const clients = Array.from({ length: 51 }, (_, index) => ({
      ...CLIENT,
      clientId: `shop ${index}`,
      backchannelLogoutUri: "https://shop.example.com/bye",
    }));
    expect(await refusal({}, { clients })).toContain("at most 50 may have a backchannelLogoutUri");
  });

  it("a single session for each user, which the client's own would end", async () => {
    expect(await refusal({}, { maxSessionsPerUser: 1 })).toContain("must be 2 or more");
  });

  it("a page for interactions that is not of an allowed origin", async () => {
    const oauth = { interactionUrl: "https://elsewhere.example.net/sign-in" };
    expect(await refusal({}, { oauth })).toContain("allowedOrigins");
  });
});

describe("a client's secret", () => {
  it("may be given as its hash, and several while one replaces another", () => {
    const sha256 = createHash("sha256").update(SECRET).digest("hex");
    const other = SECRET.toUpperCase();
    const { clients } = oauthOf({ secret: [{ sha256 }, other] });
    expect(clients.findBySecret("shop", SECRET)?.id).toBe("shop");
    expect(clients.findBySecret("shop", other)?.id).toBe("shop");
    expect(clients.findBySecret("shop", `${SECRET} `)).toBeUndefined();
    expect(clients.findBySecret("nobody", SECRET)).toBeUndefined();
  });

  it("is none where the client is public: nothing is its secret", () => {
    const { clients } = oauthOf({});
    expect(clients.findBySecret("shop", "")).toBeUndefined();
    expect(clients.find("shop")?.authentication).toBe("none");
  });
});

function settingsOf(client: Partial<ClientOptions>) {
  const found = oauthOf(client).clients.find("shop");
  if (found === undefined) throw new Error("There is no such client.");
  return found;
}

function oauthOf(client: Partial<ClientOptions>) {
  const { oauth } = parseOptions({
    issuer: ISSUER,
    store: {} as Store,
    masterSecret: MASTER_SECRET,
    clients: [{ ...CLIENT, ...client }],
  });
  if (oauth === undefined) throw new Error("There are no clients.");
  return oauth;
}

it("without clients there is no OAuth face", () => {
  const { oauth } = parseOptions({ issuer: ISSUER, store: {} as Store, masterSecret: MASTER_SECRET });
  expect(oauth).toBeUndefined();
});
