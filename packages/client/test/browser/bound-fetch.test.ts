import type { KeyPair } from "dpop";
import * as dpop from "dpop";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { createBoundFetch } from "../../src/browser/bound-fetch.ts";
import type { KeyStore } from "../../src/browser/key-store.ts";
import type { TestAuthority } from "../world/authority.ts";
import { ISSUER, openAuthority, USER } from "../world/authority.ts";

let authority: TestAuthority;
let key: KeyPair | undefined;
let isReadable: boolean;
let sent: Request[];

/** A key store in memory, in the hand of the test. */
const keys: KeyStore = {
  find: async () => {
    if (!isReadable) throw new Error("not now");
    return key;
  },
  findOrCreate: async () => {
    if (!isReadable) throw new Error("not now");
    key ??= await dpop.generateKeyPair("ES256");
    return key;
  },
};

/** As a page's network: cookies from the jar, and the page's origin. */
let jar: string[];
async function overNetwork(input: string | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  request.headers.set("Origin", ISSUER);
  request.headers.set("Cookie", jar.map((cookie) => cookie.split(";")[0]).join("; "));
  sent.push(request.clone());
  const answer = await authority.server.fetch(request);
  if (answer.headers.getSetCookie().length > 0) jar = answer.headers.getSetCookie();
  return answer;
}

function open(parts: { readonly keys?: KeyStore | undefined; readonly bindsSignIns?: boolean } = { keys }) {
  const told: string[] = [];
  const send = createBoundFetch({
    issuer: ISSUER,
    fetch: overNetwork,
    keys: parts.keys,
    bindsSignIns: parts.bindsSignIns ?? true,
    tellNoStorage: () => told.push("no storage"),
  });
  const post = async (path: string, json?: object): Promise<{ readonly status: number; readonly body: unknown }> => {
    const csrf = jar.find((cookie) => cookie.startsWith("latchkey-csrf="))?.split(/[=;]/)[1] ?? "";
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
    const body = json === undefined ? null : JSON.stringify(json);
    const answer = await send(ISSUER + path, { method: "POST", headers, body });
    return { status: answer.status, body: await answer.json() };
  };
  return { send, post, told, signIn: () => post("/auth/login", { ...USER, transport: "cookie" }) };
}

beforeAll(async () => {
  authority = await openAuthority();
});
afterAll(() => authority.close());
beforeEach(() => {
  [key, isReadable, sent, jar] = [undefined, true, [], []];
});

describe("the fetch of a page that binds its sessions", () => {
  test("a sign-in is bound, and each refresh has a proof of its own", async () => {
    const page = open();
    expect(await page.signIn()).toMatchObject({ status: 200, body: { token_type: "DPoP" } });
    for (let round = 0; round < 2; round++) {
      expect(await page.post("/auth/refresh")).toMatchObject({ status: 200, body: { token_type: "DPoP" } });
    }
    const proofs = sent.map((request) => request.headers.get("DPoP"));
    expect(new Set(proofs).size).toBe(3);
    expect(proofs).not.toContain(null);
  });

  test("a request with a bound token gets a proof for it, without query and fragment; any other passes as it is", async () => {
    const page = open();
    await page.signIn();
    const url = `${ISSUER}/auth/me?a=b#c`;
    await page.send(new Request(url, { headers: { Authorization: "DPoP some-token" } }));
    await page.send(new Request(url, { headers: { Authorization: "Bearer some-token" } }));
    await page.send(new Request(url, { headers: { Authorization: "DPoP some-token", DPoP: "the caller's own" } }));
    const [proof = "", ...others] = sent.slice(1).map((request) => request.headers.get("DPoP") ?? undefined);
    expect(others).toEqual([undefined, "the caller's own"]);
    const claims: unknown = JSON.parse(Buffer.from(proof.split(".")[1] ?? "", "base64url").toString());
    const ath = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from("some-token"))).toString("base64url");
    expect(claims).toMatchObject({ htm: "GET", htu: `${ISSUER}/auth/me`, ath });
  });

  test("told not to bind, it signs in without a proof, and serves what is bound", async () => {
    await open().signIn();
    const page = open({ keys, bindsSignIns: false });
    expect(await page.post("/auth/refresh")).toMatchObject({ status: 200, body: { token_type: "DPoP" } });
    expect(await page.signIn()).toMatchObject({ status: 200, body: { token_type: "Bearer" } });
  });

  test("where no key can be kept, a sign-in is unbound, and that is told", async () => {
    isReadable = false;
    const page = open();
    expect(await page.signIn()).toMatchObject({ status: 200, body: { token_type: "Bearer" } });
    expect(page.told).toEqual(["no storage"]);
    expect(await page.post("/auth/refresh")).toMatchObject({ status: 200 });
  });

  test("a key that is gone is told from one that cannot be read, and from none that ever could", async () => {
    const page = open();
    await page.signIn();
    isReadable = false;
    expect(await page.post("/auth/refresh")).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
    const { post } = open({ keys: undefined });
    expect(await post("/auth/refresh")).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
    isReadable = true;
    expect(await page.post("/auth/refresh")).toMatchObject({ status: 200 });
    key = undefined;
    expect(await page.post("/auth/refresh")).toEqual({ status: 401, body: { error: "key_lost" } });
  });

  test("an unbound session needs no key: to have none is no loss", async () => {
    await open({ keys, bindsSignIns: false }).signIn();
    expect(await open().post("/auth/refresh")).toMatchObject({ status: 200, body: { token_type: "Bearer" } });
    key = await dpop.generateKeyPair("ES256");
    expect(await open().post("/auth/refresh")).toMatchObject({ status: 200, body: { token_type: "Bearer" } });
  });

  test("a bound token without its key goes nowhere", async () => {
    const answer = await open().send(new Request(`${ISSUER}/auth/me`, { headers: { Authorization: "DPoP token" } }));
    expect(answer.status).toBe(401);
    expect(sent).toHaveLength(0);
  });

  test("a refused nonce is not tried for ever", async () => {
    let asked = 0;
    const send = createBoundFetch({
      issuer: ISSUER,
      keys,
      bindsSignIns: true,
      tellNoStorage: () => undefined,
      fetch: async () => {
        asked += 1;
        return Response.json({ error: "use_dpop_nonce" }, { status: 400, headers: { "DPoP-Nonce": `nonce-${asked}` } });
      },
    });
    expect((await send(`${ISSUER}/auth/login`, { method: "POST" })).status).toBe(400);
    expect(asked).toBe(2);
  });
});
