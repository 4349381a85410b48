import { DatabaseSync } from "node:sqlite";

import type { SessionAnswer } from "@latchkey/protocol";
import { BOUND_TOKEN_DETAIL } from "@latchkey/protocol";
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";

import type { AuthServerOptions } from "../../src/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, freshKey, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import type { DpopClient, ProofChanges } from "../dpop-client.ts";
import { createDpopClient } from "../dpop-client.ts";
import { introspect, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

const EMAIL = "ada@example.com";
const ALGORITHMS = 'algs="ES256 ES384 PS256 Ed25519 EdDSA"';

interface Bound {
  readonly authority: TestAuthority;
  readonly client: DpopClient;
  readonly session: SessionAnswer & { readonly refresh_token: string };
  readonly refresh: (token: string, changes?: ProofChanges) => Promise<Answer>;
  /** As `refresh`, with an access token, to an account route. */
  readonly me: (accessToken: string, changes?: ProofChanges) => Promise<Answer>;
}

/** An account, and a session that is bound to the client's key. */
async function signedInWithProof(options: Partial<AuthServerOptions> = {}): Promise<Bound> {
  const authority = await startAuthority(options);
  const client = await createDpopClient(authority.now);
  await authority.call("POST", "/auth/signup", { json: { email: EMAIL, password: PASSWORD } });
  const session = granted(await login(authority, await client.prove("POST", "/auth/login")));
  return {
    authority,
    client,
    session,
    refresh: async (token, changes) => authority.refresh(token, await client.prove("POST", "/auth/refresh", changes)),
    me: async (token, changes) =>
      authority.call("GET", "/auth/me", { headers: await client.authorize("GET", "/auth/me", token, changes) }),
  };
}

function login(authority: TestAuthority, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return authority.call("POST", "/auth/login", { json: { email: EMAIL, password: PASSWORD }, headers });
}

function recordedProofs({ path }: TestAuthority): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare("SELECT count(*) AS count FROM one_time_use WHERE purpose = 'dpop-proof'").get();
  database.close();
  return Number(row?.["count"]);
}

describe("a sign-in with a proof", () => {
  it("DP-04 DP-05: binds the session: its access tokens name the key, and are of type DPoP", async () => {
    const { client, session, refresh } = await signedInWithProof();
    expect(session.token_type).toBe("DPoP");
    expect(decodeJwt(session.access_token)["cnf"]).toEqual({ jkt: client.jkt });

    const next = granted(await refresh(session.refresh_token));
    expect(next.token_type).toBe("DPoP");
    expect(decodeJwt(next.access_token)["cnf"]).toEqual({ jkt: client.jkt });
  });

  it("DP-05: without one, binds nothing", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    expect(session.token_type).toBe("Bearer");
    expect(decodeJwt(session.access_token)["cnf"]).toBeUndefined();
  });

  it("binds a session by cookie transport too", async () => {
    const { authority, client } = await signedInWithProof();
    const { jar, take, header } = cookieJar();
    const signIn = await login(authority, { Origin: ISSUER, ...(await client.prove("POST", "/auth/login")) });
    take(signIn);
    expect(granted(signIn).token_type).toBe("DPoP");
    const headers = { Cookie: header(), Origin: ISSUER, "X-CSRF-Token": jar.get("__Host-latchkey-csrf") ?? "" };

    const bare = await authority.call("POST", "/auth/refresh", { headers });
    expectRefusal(bare, 400, "invalid_dpop_proof");
    expect(bare.headers.getSetCookie()).toEqual([]);

    const proof = await client.prove("POST", "/auth/refresh");
    const answer = granted(await authority.call("POST", "/auth/refresh", { headers: { ...headers, ...proof } }));
    expect(answer.token_type).toBe("DPoP");
    expect(answer.refresh_token).toBeUndefined();
  });

  it("G-03: with a proof that is none signs nobody in", async () => {
    const { authority } = await signedInWithProof();
    expectRefusal(await login(authority, { DPoP: "x" }), 400, "invalid_dpop_proof");
  });

  it("G-01: a proof signs in once", async () => {
    const { authority, client } = await signedInWithProof();
    const proof = await client.prove("POST", "/auth/login");
    granted(await login(authority, proof));
    expectRefusal(await login(authority, proof), 400, "invalid_dpop_proof");
  });

  it("a proof that came with a wrong password is not recorded", async () => {
    const { authority, client } = await signedInWithProof();
    const before = recordedProofs(authority);
    const answer = await authority.call("POST", "/auth/login", {
      json: { email: EMAIL, password: "not the right one at all" },
      headers: await client.prove("POST", "/auth/login"),
    });
    expectRefusal(answer, 401, "invalid_credentials");
    expect(recordedProofs(authority)).toBe(before);
  });
});

describe("the refresh of a bound session", () => {
  it("DP-05: with another key is refused, and the session lives", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    const thief = await createDpopClient(authority.now);
    const stolen = await authority.refresh(session.refresh_token, await thief.prove("POST", "/auth/refresh"));
    expectRefusal(stolen, 401, "session_ended");
    expect(authority.logs.join("\n")).toContain("a refresh token was sent with another key");
    expect(authority.logs.join("\n")).toContain(session.session_id);
    granted(await refresh(session.refresh_token));
  });

  it("DP-05: a stolen token is useless without the key, at every generation, and nobody is signed out", async () => {
    const { authority, client, session, refresh } = await signedInWithProof();
    const thief = await createDpopClient(authority.now);
    const newer = granted(await refresh(session.refresh_token));
    for (const token of [session.refresh_token, newer.refresh_token]) {
      expectRefusal(await authority.refresh(token), 400, "invalid_dpop_proof");
      expectRefusal(await authority.refresh(token, { "Latchkey-Attempt": freshKey() }), 400, "invalid_dpop_proof");
      const proof = await thief.prove("POST", "/auth/refresh");
      expectRefusal(await authority.refresh(token, proof), 401, "session_ended");
      // The thief knows the victim's public key, and has another private one.
      const { jwk } = JSON.parse(
        Buffer.from((await client.prove("GET", "/")).DPoP.split(".")[0] ?? "", "base64url").toString(),
      ) as { jwk: object };
      const forged = await thief.prove("POST", "/auth/refresh", { header: { jwk } });
      expectRefusal(await authority.refresh(token, forged), 400, "invalid_dpop_proof");
    }
    expect(authority.logs.join("\n")).not.toContain("copied");
    granted(await refresh(newer.refresh_token));
  });

  it("without a proof is refused alike whether or not the session lives, and ends nothing", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    const alive = await authority.refresh(session.refresh_token);
    expectRefusal(alive, 400, "invalid_dpop_proof");
    granted(await refresh(session.refresh_token));

    await authority.call("POST", "/auth/logout", { json: { refresh_token: session.refresh_token } });
    const ended = await authority.refresh(session.refresh_token);
    expect(ended.body).toEqual(alive.body);
    expectRefusal(await refresh(session.refresh_token), 401, "session_ended");
  });

  it("after a lost answer gets the same successor, at any later time, with a proof of its own each", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    const answers = [];
    for (const wait of [0, 11, 3_600, 5 * 86_400]) {
      authority.advance(wait);
      answers.push(granted(await refresh(session.refresh_token)).refresh_token);
    }
    expect(new Set(answers).size).toBe(1);
  });

  it("catches up from a token that is several generations old", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    const tokens = [session.refresh_token];
    for (let generation = 0; generation < 12; generation++) {
      authority.advance(600);
      tokens.push(granted(await refresh(tokens.at(-1) ?? "")).refresh_token);
    }
    for (const old of tokens.slice(0, -1)) expect(granted(await refresh(old)).refresh_token).toBe(tokens.at(-1));
    granted(await refresh(tokens.at(-1) ?? ""));
  });

  it("20 at once with one token, each with a proof of its own, get the same successor", async () => {
    const { session, refresh } = await signedInWithProof();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(session.refresh_token)));
    expect(new Set(answers.map((answer) => granted(answer).refresh_token)).size).toBe(1);
  });

  it("G-01: a replayed proof is refused, on another node and after a restart too, and ends nothing", async () => {
    const { authority, client, session } = await signedInWithProof();
    const proof = await client.prove("POST", "/auth/refresh");
    const next = granted(await authority.refresh(session.refresh_token, proof));
    for (const token of [session.refresh_token, next.refresh_token]) {
      expectRefusal(await authority.refresh(token, proof), 400, "invalid_dpop_proof");
    }
    const restarted = await authority.restart();
    expectRefusal(await restarted.refresh(next.refresh_token, proof), 400, "invalid_dpop_proof");

    const last = await client.prove("POST", "/auth/refresh");
    granted(await restarted.refresh(next.refresh_token, last));
  });

  it("G-01: of 20 requests at once with one proof, one passes", async () => {
    const { authority, client, session } = await signedInWithProof();
    const proof = await client.prove("POST", "/auth/refresh");
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => authority.refresh(session.refresh_token, proof)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expectRefusal(answer, 400, "invalid_dpop_proof");
    }
  });

  it("G-01: who has no refresh token of the key leaves no proof in the store, however many are sent", async () => {
    const { authority, session } = await signedInWithProof();
    const before = recordedProofs(authority);
    const stranger = await createDpopClient(authority.now);
    const unbound = await authority.signedIn({ email: "grace@example.com" });
    for (const token of ["x", session.refresh_token, unbound.refresh_token]) {
      for (let count = 0; count < 10; count++) {
        await authority.refresh(token, await stranger.prove("POST", "/auth/refresh"));
        await authority.call("GET", "/auth/me", { headers: await stranger.authorize("GET", "/auth/me", token) });
      }
    }
    expect(recordedProofs(authority)).toBe(before);
  });

  it("forgets proofs whose time is over as new ones come", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    for (let count = 0; count < 10; count++) await refresh(session.refresh_token);
    expect(recordedProofs(authority)).toBe(11);
    authority.advance(600);
    for (let count = 0; count < 5; count++) await refresh(session.refresh_token);
    expect(recordedProofs(authority)).toBe(5);
  });

  it("G-02 DP-02: is proved for the issuer's own URL, whatever host the request came to or a proxy says", async () => {
    const { authority, client, session } = await signedInWithProof();
    const proof = await client.prove("POST", "/auth/refresh", { claims: { htu: "https://evil.example/auth/refresh" } });
    const body = JSON.stringify({ refresh_token: session.refresh_token });
    const headers = {
      "Content-Type": "application/json",
      "X-Forwarded-Host": "evil.example",
      Forwarded: "host=evil.example;proto=https",
    };
    const send = (url: string, more: object) =>
      authority.server.fetch(new Request(url, { method: "POST", body, headers: { ...headers, ...more } }));
    expect((await send("https://evil.example/auth/refresh", { Host: "evil.example", ...proof })).status).toBe(400);
    expect((await send(`${ISSUER}/auth/refresh`, proof)).status).toBe(400);
    // Behind a proxy that ends TLS, the request's own URL is another one; the proof is for the one the client used.
    const good = await client.prove("POST", "/auth/refresh");
    expect((await send("http://10.0.0.7:8080/auth/refresh", good)).status).toBe(200);
  });

  it.each([
    ["two headers", (proof: string) => `${proof}, ${proof}`],
    ["nothing in it", () => ""],
    ["no signature", (proof: string) => proof.slice(0, proof.lastIndexOf(".") + 1)],
  ])("G-03: a DPoP header with %s is refused", async (_, change) => {
    const { authority, client, session } = await signedInWithProof();
    const { DPoP } = await client.prove("POST", "/auth/refresh");
    expectRefusal(await authority.refresh(session.refresh_token, { DPoP: change(DPoP) }), 400, "invalid_dpop_proof");
  });

  it.each([
    ["for another route", { claims: { htu: `${ISSUER}/auth/login` } }],
    ["for another method", { claims: { htm: "GET" } }],
    ["without an identifier", { claims: { jti: undefined } }],
    ["of another type", { header: { typ: "JWT" } }],
  ])("DP-01: a proof %s is refused", async (_, changes) => {
    const { session, refresh } = await signedInWithProof();
    expectRefusal(await refresh(session.refresh_token, changes), 400, "invalid_dpop_proof");
  });

  it("J-23 C-08: a proof is no refresh token and no access token, and these are no proofs", async () => {
    const { authority, client, session, me } = await signedInWithProof();
    const { DPoP: proof } = await client.prove("POST", "/auth/refresh");
    expectRefusal(await authority.refresh(proof), 401, "session_ended");
    expectRefusal(await authority.call("GET", "/auth/me", { token: proof }), 401, "invalid_token");
    expectRefusal(await me(proof), 401, "invalid_token");
    for (const token of [session.refresh_token, session.access_token]) {
      expectRefusal(await authority.refresh(session.refresh_token, { DPoP: token }), 400, "invalid_dpop_proof");
    }
  });

  it("nothing of a proof or a nonce is logged", async () => {
    const { authority, client, session } = await signedInWithProof();
    const proof = await client.prove("POST", "/auth/refresh");
    await authority.refresh(session.refresh_token, proof);
    await authority.refresh(session.refresh_token, proof);
    expect(authority.logs.join("\n")).not.toContain(proof.DPoP.split(".")[2]);
  });
});

describe("a session that is not bound", () => {
  it("is not bound by a later proof, with which a thief could make it theirs, and says so", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    const thief = await createDpopClient(authority.now);
    const proof = await thief.prove("POST", "/auth/refresh");
    const next = granted(await authority.refresh(session.refresh_token, { ...proof, "Latchkey-Attempt": freshKey() }));
    expect(next.token_type).toBe("Bearer");
    expect(decodeJwt(next.access_token)["cnf"]).toBeUndefined();
    granted(await authority.refresh(next.refresh_token, { "Latchkey-Attempt": freshKey() }));
  });

  it("a bad proof is refused there too", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    expectRefusal(await authority.refresh(session.refresh_token, { DPoP: "x" }), 400, "invalid_dpop_proof");
    granted(await authority.refresh(session.refresh_token));
  });
});

describe("introspection of tokens that are bound", () => {
  it("DP-04: names the key, and the scheme of an access token", async () => {
    const { authority, client, session } = await signedInWithProof(WITH_RESOURCE_SERVERS);
    const cnf = { jkt: client.jkt };
    expect((await introspect(authority, session.access_token)).body).toMatchObject({ token_type: "DPoP", cnf });
    expect((await introspect(authority, session.refresh_token)).body).toMatchObject({ token_type: "N_A", cnf });
  });
});

describe("account routes", () => {
  const challenge = (error: string) => `DPoP ${error}, ${ALGORITHMS}`;
  const invalidToken = challenge('error="invalid_token", error_description="invalid_token"');
  const invalidProof = challenge('error="invalid_dpop_proof"');

  it("take a bound token with a proof for it", async () => {
    const { session, me } = await signedInWithProof();
    expect(await me(session.access_token)).toMatchObject({ status: 200, body: { user: { email: EMAIL } } });
  });

  it("DP-07: tell of both schemes where no token was sent", async () => {
    const { authority } = await signedInWithProof();
    const answer = await authority.call("GET", "/auth/me");
    expectRefusal(answer, 401, "missing_token");
    expect(answer.headers.get("www-authenticate")).toBe(`Bearer, DPoP ${ALGORITHMS}`);
  });

  it("G-04 RS-04: refuse a bound token as a bearer token", async () => {
    const { authority, client, session } = await signedInWithProof();
    const proof = await client.prove("GET", "/auth/me", { accessToken: session.access_token });
    for (const headers of [{}, proof]) {
      const answer = await authority.call("GET", "/auth/me", { token: session.access_token, headers });
      expectRefusal(answer, 401, "invalid_token");
      expect(answer.headers.get("www-authenticate")).toBe(
        challenge(`error="invalid_token", error_description="invalid_token: ${BOUND_TOKEN_DETAIL}"`),
      );
      expect(answer.body).toMatchObject({ error_description: BOUND_TOKEN_DETAIL });
    }
  });

  it("refuse an unbound token with a proof", async () => {
    const { authority, me } = await signedInWithProof();
    const unbound = granted(await login(authority));
    const answer = await me(unbound.access_token);
    expectRefusal(answer, 401, "invalid_token");
    expect(answer.headers.get("www-authenticate")).toBe(invalidToken);
  });

  it("DP-04 G-04: refuse another's key, and a proof that is missing, is for another token or for none", async () => {
    const { authority, session, me, refresh } = await signedInWithProof();
    const token = session.access_token;
    const other = granted(await refresh(session.refresh_token)).access_token;

    const thief = await createDpopClient(authority.now);
    const stolen = await authority.call("GET", "/auth/me", {
      headers: await thief.authorize("GET", "/auth/me", token),
    });
    expectRefusal(stolen, 401, "invalid_token");
    expect(stolen.headers.get("www-authenticate")).toBe(invalidToken);

    const refused = [
      await authority.call("GET", "/auth/me", { headers: { Authorization: `DPoP ${token}` } }),
      await me(token, { accessToken: other }),
      await me(token, { claims: { ath: undefined } }),
      await me(token, { claims: { htm: "DELETE" } }),
      await me(token, { claims: { htu: `${ISSUER}/auth/sessions` } }),
    ];
    for (const answer of refused) {
      expectRefusal(answer, 401, "invalid_dpop_proof");
      expect(answer.headers.get("www-authenticate")).toBe(invalidProof);
    }
  });

  it("G-01: refuse a replayed proof", async () => {
    const { authority, client, session } = await signedInWithProof();
    const headers = await client.authorize("GET", "/auth/me", session.access_token);
    expect((await authority.call("GET", "/auth/me", { headers })).status).toBe(200);
    expectRefusal(await authority.call("GET", "/auth/me", { headers }), 401, "invalid_dpop_proof");
  });

  it("say of a bound token that it has expired, so that the client refreshes", async () => {
    const { authority, session, me } = await signedInWithProof();
    authority.advance(700);
    const answer = await me(session.access_token);
    expectRefusal(answer, 401, "expired_token");
    expect(answer.headers.get("www-authenticate")).toBe(
      challenge('error="invalid_token", error_description="expired_token"'),
    );
  });

  it("ask for a nonce with 401", async () => {
    const { session, me } = await signedInWithProof();
    const answer = await me(session.access_token, { claims: { iat: 1_000 } });
    expectRefusal(answer, 401, "use_dpop_nonce");
    expect(answer.headers.get("www-authenticate")).toBe(challenge('error="use_dpop_nonce"'));
    const nonce = answer.headers.get("dpop-nonce");
    expect((await me(session.access_token, { claims: { iat: 1_000, nonce } })).status).toBe(200);
  });
});

describe("nonces", () => {
  it("DP-03: a client whose clock is wrong is asked for one, and then signs in and refreshes like any other", async () => {
    const authority = await startAuthority();
    const client = await createDpopClient(() => authority.now() - 40_000);
    await authority.call("POST", "/auth/signup", { json: { email: EMAIL, password: PASSWORD } });
    const asked = await login(authority, await client.prove("POST", "/auth/login"));
    expectRefusal(asked, 400, "use_dpop_nonce");
    const nonce = asked.headers.get("dpop-nonce");
    const session = granted(await login(authority, await client.prove("POST", "/auth/login", { claims: { nonce } })));

    const proof = await client.prove("POST", "/auth/refresh", { claims: { nonce } });
    granted(await authority.refresh(session.refresh_token, proof));
    expectRefusal(await authority.refresh(session.refresh_token, proof), 400, "invalid_dpop_proof");
  });

  it("no client with a right clock is handed one, nor any answer without a proof", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    expect((await refresh(session.refresh_token)).headers.get("dpop-nonce")).toBeNull();
    expect((await authority.call("GET", "/auth/me")).headers.get("dpop-nonce")).toBeNull();
  });

  it("G-06: an old one is refused, and a newer one comes along; the session lives", async () => {
    const { authority, session, refresh } = await signedInWithProof();
    const nonce = (await refresh(session.refresh_token, { claims: { iat: 0 } })).headers.get("dpop-nonce");
    granted(await refresh(session.refresh_token, { claims: { nonce } }));
    authority.advance(181);
    const stale = await refresh(session.refresh_token, { claims: { nonce } });
    expectRefusal(stale, 400, "use_dpop_nonce");
    granted(await refresh(session.refresh_token, { claims: { nonce: stale.headers.get("dpop-nonce") } }));
  });

  it("G-05: where they are required, no proof made beforehand is taken, and each answer brings the next nonce", async () => {
    const authority = await startAuthority({ dpop: { nonce: "required" } });
    const client = await createDpopClient(authority.now);
    await authority.call("POST", "/auth/signup", { json: { email: EMAIL, password: PASSWORD } });
    const asked = await login(authority, await client.prove("POST", "/auth/login"));
    expectRefusal(asked, 400, "use_dpop_nonce");
    const answer = await login(
      authority,
      await client.prove("POST", "/auth/login", { claims: { nonce: asked.headers.get("dpop-nonce") } }),
    );
    const session = granted(answer);
    const next = answer.headers.get("dpop-nonce");
    expect(next).not.toBeNull();

    const refresh = async (claims: object) =>
      authority.refresh(session.refresh_token, await client.prove("POST", "/auth/refresh", { claims }));
    const beforehand = await client.prove("POST", "/auth/refresh", { claims: { iat: authority.now() + 3_600 } });
    authority.advance(3_600);
    expectRefusal(await authority.refresh(session.refresh_token, beforehand), 400, "use_dpop_nonce");
    const fresh = (await refresh({ nonce: next })).headers.get("dpop-nonce");
    granted(await refresh({ nonce: fresh }));
  });

  it("are good on every node and after a restart", async () => {
    const { authority, client, session, refresh } = await signedInWithProof();
    const nonce = (await refresh(session.refresh_token, { claims: { iat: 0 } })).headers.get("dpop-nonce");
    const restarted = await authority.restart();
    const proof = await client.prove("POST", "/auth/refresh", { claims: { nonce } });
    granted(await restarted.refresh(session.refresh_token, proof));
  });

  it("are refused by another authority", async () => {
    const { refresh, session } = await signedInWithProof();
    const another = await signedInWithProof();
    const nonce = (await another.refresh(another.session.refresh_token, { claims: { iat: 0 } })).headers.get(
      "dpop-nonce",
    );
    expectRefusal(await refresh(session.refresh_token, { claims: { nonce } }), 400, "use_dpop_nonce");
  });
});

describe("pages of allowed origins", () => {
  it("may send proofs and read nonces", async () => {
    const authority = await startAuthority({ allowedOrigins: ["https://app.example.com"] });
    const preflight = await authority.call("OPTIONS", "/auth/refresh", {
      headers: { Origin: "https://app.example.com", "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.headers.get("access-control-allow-headers")?.split(",")).toContain("DPoP");
    const asked = await authority.call("GET", "/auth/me", { headers: { Origin: "https://app.example.com" } });
    expect(asked.headers.get("access-control-expose-headers")?.split(",")).toContain("DPoP-Nonce");
  });
});
