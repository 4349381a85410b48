import { createHash } from "node:crypto";

import { BOUND_TOKEN_DETAIL } from "@latchkey/protocol";
import { createVerifier, type DpopOptions, type ReplayStore, type Verifier } from "@latchkey/verifier";
import * as dpop from "dpop";
import type { JWK } from "jose";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Answered, getOverHttp, type TestApi } from "./guard-behaviour.ts";
import { AUDIENCE, startIssuer, type TestIssuer } from "./issuer-on-loopback.ts";

const ALGORITHMS = 'algs="ES256 ES384 PS256 Ed25519 EdDSA"';
const invalidToken = `DPoP error="invalid_token", error_description="invalid_token", ${ALGORITHMS}`;
const invalidProof = `DPoP error="invalid_dpop_proof", ${ALGORITHMS}`;

interface ProofOptions {
  readonly method?: string;
  /** By default the URL as clients know it, which is not the one the test sends its requests to. */
  readonly url?: string;
  readonly token?: string | undefined;
  readonly nonce?: string;
}

/** Every framework's guard must check proofs alike, over real HTTP. Proofs are made by the `dpop` package. */
export function describeDpopGuard(framework: string, startApi: (verifier: Verifier) => Promise<TestApi>): void {
  describe(`the guard for ${framework}, with tokens bound to a key`, () => {
    let issuer: TestIssuer;
    let keys: dpop.KeyPair;
    let bound: string;
    const ends: (() => unknown)[] = [];
    let api: TestApi;

    async function start(options: { readonly dpop?: DpopOptions; readonly audience?: string } = {}): Promise<TestApi> {
      const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE, ...options });
      const started = await startApi(verifier);
      ends.push(
        () => verifier.close(),
        () => started.close(),
      );
      return started;
    }

    async function issueBound(to: dpop.KeyPair, claims: object = {}): Promise<string> {
      return issuer.issue({ cnf: { jkt: await dpop.calculateThumbprint(to.publicKey) }, ...claims });
    }

    function prove(path: string, options: ProofOptions = {}, by: dpop.KeyPair = keys): Promise<string> {
      const { method = "GET", url = `${AUDIENCE}${path}`, nonce } = options;
      return dpop.generateProof(by, url, method, nonce, "token" in options ? options.token : bound);
    }

    function get(path: string, proofs: string | readonly string[], token = bound, to = api): Promise<Answered> {
      const headers = [proofs].flat().map((proof) => ["DPoP", proof] as const);
      return getOverHttp(`${to.origin}${path}`, `DPoP ${token}`, headers);
    }

    beforeAll(async () => {
      issuer = await startIssuer();
      keys = await dpop.generateKeyPair("ES256");
      bound = await issueBound(keys);
      api = await start();
    });
    afterAll(async () => {
      for (const end of ends) await end();
      await issuer.stop();
    });

    it.each(["ES256", "Ed25519", "PS256"] as const)("lets one through with a proof by its key (%s)", async (alg) => {
      const own = await dpop.generateKeyPair(alg);
      const token = await issueBound(own);
      const answer = await get("/api/me?page=2", await prove("/api/me", { token }, own), token);
      expect(answer.status, answer.text).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({ subject: "user-1" });
    });

    it("G-01: takes a proof once, and of ten requests with it at once one", async () => {
      const proof = await prove("/api/me");
      const answers = await Promise.all(Array.from({ length: 10 }, () => get("/api/me", proof)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expectRefusal(answer, "invalid_dpop_proof");
      expectRefusal(await get("/api/me", proof), "invalid_dpop_proof");
      expect((await get("/api/me", await prove("/api/me"))).status).toBe(200);
    });

    it("G-04 DP-04: refuses a proof that is missing, by another key, for another token or for none", async () => {
      const thief = await dpop.generateKeyPair("ES256");
      expectRefusal(await get("/api/me", []), "invalid_dpop_proof");
      expectRefusal(await get("/api/me", await prove("/api/me", {}, thief)), "invalid_token");
      expectRefusal(await get("/api/me", await prove("/api/me", { token: issuer.issue() })), "invalid_dpop_proof");
      expectRefusal(await get("/api/me", await prove("/api/me", { token: undefined })), "invalid_dpop_proof");
    });

    it("G-03: refuses two proofs, even the same one twice, and what is none", async () => {
      const proof = await prove("/api/me");
      expectRefusal(await get("/api/me", [proof, proof]), "invalid_dpop_proof");
      expectRefusal(await get("/api/me", [await prove("/api/me"), await prove("/api/me")]), "invalid_dpop_proof");
      for (const garbage of ["x", "a.b.c", bound, `${proof},`]) {
        expectRefusal(await get("/api/me", garbage), "invalid_dpop_proof");
      }
      expect((await get("/api/me", proof)).status).toBe(200);
    });

    it("G-02 DP-02: refuses a proof for another method or URL, also where the request says it came there", async () => {
      expectRefusal(await get("/api/me", await prove("/api/me", { method: "POST" })), "invalid_dpop_proof");
      expectRefusal(await get("/api/me", await prove("/me")), "invalid_dpop_proof");
      expectRefusal(await get("/api/me", await prove("/api/me/")), "invalid_dpop_proof");
      // The address it really came to is not the one that clients know, and a proof for it could be made for anybody's.
      expectRefusal(await get("/api/me", await prove("", { url: `${api.origin}/api/me` })), "invalid_dpop_proof");
      const forEvil = await prove("", { url: "https://evil.example/api/me" });
      const answer = await getOverHttp(`${api.origin}/api/me`, `DPoP ${bound}`, [
        ["DPoP", forEvil],
        ["X-Forwarded-Host", "evil.example"],
        ["X-Forwarded-Proto", "https"],
        ["Forwarded", "host=evil.example;proto=https"],
      ]);
      expectRefusal(answer, "invalid_dpop_proof");
    });

    it("RS-04 G-04: refuses a bound token as a bearer token, with a proof too", async () => {
      const proof = ["DPoP", await prove("/api/me")] as const;
      for (const headers of [[], [proof]]) {
        const answer = await getOverHttp(`${api.origin}/api/me`, `Bearer ${bound}`, headers);
        expect([answer.status, answer.headers["www-authenticate"]]).toEqual([
          401,
          `DPoP error="invalid_token", error_description="invalid_token: ${BOUND_TOKEN_DETAIL}", ${ALGORITHMS}`,
        ]);
        expect(JSON.parse(answer.text)).toEqual({ error: "invalid_token", error_description: BOUND_TOKEN_DETAIL });
      }
    });

    it("refuses a token that is bound to no key, or to something else as well", async () => {
      const jkt = await dpop.calculateThumbprint(keys.publicKey);
      const others = [
        undefined,
        {},
        { jkt: 7 },
        { jkt: "" },
        { "x5t#S256": "x" },
        { jkt, "x5t#S256": "x" },
        [jkt],
        null,
      ];
      for (const cnf of others) {
        const token = issuer.issue({ cnf });
        expectRefusal(await get("/api/me", await prove("/api/me", { token }), token), "invalid_token");
      }
    });

    it("says when a bound token has expired", async () => {
      const now = Math.floor(Date.now() / 1000);
      const token = await issueBound(keys, { iat: now - 700, exp: now - 100 });
      const answer = await get("/api/me", await prove("/api/me", { token }), token);
      expect(answer.headers["www-authenticate"]).toBe(
        `DPoP error="invalid_token", error_description="expired_token", ${ALGORITHMS}`,
      );
    });

    it("names the missing scope by the scheme of the request", async () => {
      const token = await issueBound(keys, { scope: "" });
      const answer = await get("/api/reports", await prove("/api/reports", { token }), token);
      expect(answer.status).toBe(403);
      expect(answer.headers["www-authenticate"]).toBe(
        `DPoP error="insufficient_scope", scope="read:reports", ${ALGORITHMS}`,
      );
    });

    it("takes proofs for the URLs it is told, with what a proxy strips, and for no others", async () => {
      const behind = await start({ dpop: { url: ["https://one.example/v1/", "https://two.example"] } });
      const withUrl = async (url: string) => get("/api/me", await prove("", { url }), bound, behind);
      expect((await withUrl("https://one.example/v1/api/me")).status).toBe(200);
      expect((await withUrl("https://two.example/api/me")).status).toBe(200);
      for (const url of ["https://one.example/api/me", "https://two.example/v1/api/me", `${AUDIENCE}/api/me`]) {
        expectRefusal(await withUrl(url), "invalid_dpop_proof");
      }
    });

    it("takes none where it knows no URL of its own, and says so by asking for bearer tokens alone", async () => {
      const named = await start({ audience: "reports-api" });
      const token = await issueBound(keys, { aud: "reports-api" });
      const refused = await get("/api/me", await prove("", { url: `${named.origin}/api/me`, token }), token, named);
      expect(refused.status).toBe(401);
      expect((await getOverHttp(`${named.origin}/api/me`)).headers["www-authenticate"]).toBe("Bearer");
    });

    it("DP-03 G-05 G-06: asks for a nonce of its own where one is required, and takes no other", async () => {
      const nonce = { secret: new Uint8Array(32).fill(5), required: true };
      const strict = await start({ dpop: { nonce } });
      const asked = await get("/api/me", await prove("/api/me"), bound, strict);
      expectRefusal(asked, "use_dpop_nonce");
      const given = String(asked.headers["dpop-nonce"]);
      expect((await get("/api/me", await prove("/api/me", { nonce: given }), bound, strict)).status).toBe(200);
      expectRefusal(await get("/api/me", await prove("/api/me", { nonce: "x" }), bound, strict), "use_dpop_nonce");

      const another = await start({ dpop: { nonce: { ...nonce, secret: new Uint8Array(32).fill(6) } } });
      expectRefusal(await get("/api/me", await prove("/api/me", { nonce: given }), bound, another), "use_dpop_nonce");
      const node = await start({ dpop: { nonce } });
      expect((await get("/api/me", await prove("/api/me", { nonce: given }), bound, node)).status).toBe(200);
    });

    it("G-06: without being told to, makes up for a client's wrong clock by a nonce", async () => {
      const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
      const proveLate = (nonce?: string): Promise<string> =>
        new SignJWT({
          htm: "GET",
          htu: `${AUDIENCE}/api/me`,
          jti: crypto.randomUUID(),
          iat: Math.floor(Date.now() / 1000) - 3_600,
          ath: createHash("sha256").update(bound).digest("base64url"),
          ...(nonce !== undefined && { nonce }),
        })
          .setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk: { kty: kty ?? "", crv, x, y } as JWK })
          .sign(keys.privateKey);
      const asked = await get("/api/me", await proveLate(), bound);
      expectRefusal(asked, "use_dpop_nonce");
      expect((await get("/api/me", await proveLate(String(asked.headers["dpop-nonce"])), bound)).status).toBe(200);
      expect((await get("/api/me", await prove("/api/me"), bound)).status).toBe(200);
    });

    it("G-01: nodes that share a store take a proof once between them", async () => {
      const used = new Set<string>();
      const replayStore: ReplayStore = {
        consume: async ({ hash }) => {
          await new Promise((resolve) => setImmediate(resolve));
          return used.size !== used.add(hash).size;
        },
      };
      const nodes = [await start({ dpop: { replayStore } }), await start({ dpop: { replayStore } })];
      const proof = await prove("/api/me");
      const answers = await Promise.all(nodes.map((node) => get("/api/me", proof, bound, node)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401]));
    });

    it("answers 503, and lets nobody in, where the store of used proofs fails", async () => {
      const down = await start({ dpop: { replayStore: { consume: () => Promise.reject(new Error("down")) } } });
      const answer = await get("/api/me", await prove("/api/me"), bound, down);
      expect(answer.status).toBe(503);
      expect(answer.headers["retry-after"]).toBe("1");
      const wrong = await start({ dpop: { replayStore: { consume: () => "OK" as unknown as boolean } } });
      expectRefusal(await get("/api/me", await prove("/api/me"), bound, wrong), "invalid_dpop_proof");
    });
  });
}

function expectRefusal(answer: Answered, error: "invalid_token" | "invalid_dpop_proof" | "use_dpop_nonce"): void {
  const challenges = {
    invalid_token: invalidToken,
    invalid_dpop_proof: invalidProof,
    use_dpop_nonce: `DPoP error="use_dpop_nonce", ${ALGORITHMS}`,
  };
  expect({ status: answer.status, challenge: answer.headers["www-authenticate"] }).toEqual({
    status: 401,
    challenge: challenges[error],
  });
  expect(JSON.parse(answer.text)).toMatchObject({ error });
  expect(answer.headers["cache-control"]).toBe("no-store");
}
