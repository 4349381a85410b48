import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import * as dpop from "dpop";
import { describe, expect, test } from "vitest";
import {
  createDpopNonces,
  createDpopProofVerifier,
  createSecretKey,
  DPOP_ALGORITHMS,
  type DpopProofVerifierOptions,
  type DpopRequest,
  jwkThumbprint,
  type Jwk,
  signJwt,
  type VerifiedDpopProof,
} from "@latchkey/jwt";
import { encode } from "./forge.ts";
import { errorOf } from "./refusal.ts";

const now = 1_800_000_000;
const clock = () => now;
const accessToken = "header.claims.signature";
const request = { method: "POST", url: "https://auth.example.com/auth/refresh" } satisfies DpopRequest;
const atResource = { method: "GET", url: "https://api.example.com/reports", accessToken } satisfies DpopRequest;

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = publicKey.export({ format: "jwk" }) as Jwk;
const standardHeader = { typ: "dpop+jwt", alg: "ES256", jwk };
const standardClaims = { jti: "a-fresh-identifier", htm: "POST", htu: request.url, iat: now };

/** A proof with a right signature, whatever it says; undefined leaves a member out. */
function forgeProof(changes: { readonly header?: object; readonly claims?: object; readonly key?: KeyObject } = {}) {
  const header = { ...standardHeader, ...changes.header };
  return signParts(encode(header), encode({ ...standardClaims, ...changes.claims }), changes.key);
}

function signParts(header: string, payload: string, key: KeyObject = privateKey): string {
  const input = `${header}.${payload}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

function verify(proof: string, options: DpopProofVerifierOptions = {}, to: DpopRequest = request): VerifiedDpopProof {
  return createDpopProofVerifier({ clock, ...options })(proof, to);
}

function refusal(proof: string, options: DpopProofVerifierOptions = {}, to: DpopRequest = request): string | undefined {
  const error = errorOf(() => verify(proof, options, to));
  return error === undefined ? undefined : `${error.code} ${error.claim ?? ""}`.trim();
}

describe("a proof of the dpop package", () => {
  test.each(["ES256", "Ed25519", "PS256"] as const)(
    "DP-01 DP-04: with %s is accepted, and names its key",
    async (alg) => {
      const keys = await dpop.generateKeyPair(alg);
      const proof = await dpop.generateProof(keys, `${atResource.url}?page=2#top`, "GET", undefined, accessToken);
      const verifier = createDpopProofVerifier();
      expect(verifier(proof, atResource).jkt).toBe(await dpop.calculateThumbprint(keys.publicKey));
    },
  );

  test("DP-01: with an algorithm that is not on the list is refused", async () => {
    const proof = await dpop.generateProof(await dpop.generateKeyPair("RS256"), request.url, "POST");
    expect(refusal(proof, { clock: undefined })).toBe("unsupported_algorithm");
  });

  test("DP-03: carries the nonce it was told", async () => {
    const nonces = createDpopNonces({ secret: Buffer.alloc(32, 1) });
    const keys = await dpop.generateKeyPair("ES256");
    const verifier = createDpopProofVerifier({ nonces, nonceRequired: true });
    const proof = await dpop.generateProof(keys, request.url, "POST", nonces.issue());
    expect(verifier(proof, request).jkt).toBe(await dpop.calculateThumbprint(keys.publicKey));
  });
});

test("a good proof tells its key, when it is over, and what a second use is recognised by", () => {
  const proof = verify(forgeProof());
  expect(proof).toEqual({ jkt: jwkThumbprint(jwk), replayHash: expect.any(String), expiresAt: now + 60 });
  const others = [
    verify(forgeProof({ claims: { jti: "another" } })),
    verify(forgeProof({ claims: { htu: `${request.url}/x` } }), {}, { ...request, url: `${request.url}/x` }),
    verify(foreignProof()),
  ];
  expect(new Set([proof, ...others].map(({ replayHash }) => replayHash)).size).toBe(4);
  // The same identifier again, for the same URL and by the same key, is the same use, whatever else has changed.
  expect(verify(forgeProof({ claims: { iat: now - 1, extra: true } })).replayHash).toBe(proof.replayHash);
});

test("G-03 DP-01: typ must be dpop+jwt", () => {
  for (const typ of [undefined, "JWT", "at+jwt", "dpop", "dpop+jwt2"]) {
    expect(refusal(forgeProof({ header: { typ } })), typ).toBe("wrong_type");
  }
  expect(refusal(forgeProof({ header: { typ: "application/DPoP+JWT" } }))).toBeUndefined();
});

test("G-03 DP-01: alg must be asymmetric and on the list, and never none", () => {
  expect(DPOP_ALGORITHMS.filter((alg) => alg.startsWith("HS") || alg.startsWith("RS"))).toEqual([]);
  for (const alg of ["none", "", undefined]) {
    expect(refusal(forgeProof({ header: { alg } })), alg).toBe("unsupported_algorithm");
  }
  for (const alg of ["HS256", "RS256", "ES512"]) {
    expect(refusal(forgeProof({ header: { alg } })), alg).toBe("unsupported_algorithm");
  }
  const secret = signJwt(standardClaims, createSecretKey(Buffer.alloc(32, 1), { alg: "HS256" }), { typ: "dpop+jwt" });
  expect(refusal(secret)).toBe("unsupported_algorithm");
  expect(refusal(forgeProof({ header: { alg: "EdDSA" } }))).toBe("invalid_key");
});

test("G-03 DP-01: jwk must be there, and a public key alone", () => {
  const privateJwk = privateKey.export({ format: "jwk" });
  const wrong = [undefined, null, "text", [], {}, { kty: "oct", k: "c2VjcmV0" }, privateJwk, { ...jwk, d: "" }];
  for (const one of wrong) expect(refusal(forgeProof({ header: { jwk: one } }))).toBe("invalid_key");
  for (const one of [
    { ...jwk, x: jwk.y },
    { ...jwk, use: "enc" },
    { ...jwk, alg: "ES384" },
    { ...jwk, crv: "P-384" },
  ]) {
    expect(refusal(forgeProof({ header: { jwk: one } }))).toBe("invalid_key");
  }
  expect(refusal(forgeProof({ header: { jwk: undefined, kid: jwkThumbprint(jwk) } }))).toBe("invalid_key");
});

test("DP-01: the signature must be of the key in the header", () => {
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  expect(refusal(forgeProof({ key: stranger.privateKey }))).toBe("invalid_signature");
  const [header = "", , signature = ""] = forgeProof().split(".");
  expect(refusal(`${header}.${encode({ ...standardClaims, htm: "GET" })}.${signature}`)).toBe("invalid_signature");
});

test("DP-01: a proof that was accepted lends its key to no other", () => {
  const verifier = createDpopProofVerifier({ clock });
  const mine = verifier(forgeProof(), request).jkt;
  expect(verifier(foreignProof(), request).jkt).not.toBe(mine);
  expect(verifier(forgeProof({ claims: { jti: "2" } }), request).jkt).toBe(mine);
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  expect(errorOf(() => verifier(forgeProof({ key: stranger.privateKey }), request))?.code).toBe("invalid_signature");
});

test.each(["jti", "htm", "htu", "iat"])("DP-01: a proof without %s is refused", (claim) => {
  expect(refusal(forgeProof({ claims: { [claim]: undefined } }))).toBe(`missing_claim ${claim}`);
});

test("DP-01: jti is text, neither empty nor long", () => {
  for (const jti of ["", "x".repeat(257), 7, null, ["a"]]) {
    expect(refusal(forgeProof({ claims: { jti } }))).toBe("invalid_claim jti");
  }
});

test("DP-02: htm is the method exactly", () => {
  for (const htm of ["GET", "post", "POST ", "", null, ["POST"]]) {
    expect(refusal(forgeProof({ claims: { htm } }))).toBe("invalid_claim htm");
  }
});

describe("DP-02 G-02: htu", () => {
  const url = "https://api.example.com/a~b/%C3%A9";
  const refusalOf = (htu: unknown) => refusal(forgeProof({ claims: { htu } }), {}, { ...request, url });

  test.each([
    url,
    `${url}?query=1`,
    `${url}#fragment`,
    "https://api.example.com:443/a~b/%C3%A9",
    "HTTPS://API.Example.COM/a~b/%C3%A9",
    "https://api.example.com/a%7eb/%c3%a9",
    "https://api.example.com/a%7Eb/é",
    "https://api.example.com/x/../a~b/./%C3%A9",
  ])("%s is the same URL", (htu) => {
    expect(refusalOf(htu)).toBeUndefined();
  });

  test.each([
    "http://api.example.com/a~b/%C3%A9",
    "https://api.example.com:8443/a~b/%C3%A9",
    "https://api.example.com.evil.example/a~b/%C3%A9",
    "https://evil.example/a~b/%C3%A9",
    "https://api.example.com@evil.example/a~b/%C3%A9",
    "https://user:password@api.example.com/a~b/%C3%A9",
    "https://api.example.com/a~b/%C3%A9/",
    "https://api.example.com/A~b/%C3%A9",
    "https://api.example.com/a~b%2F%C3%A9",
    "https://api.example.com/a~b",
    "https:\\\\api.example.com\\a~b\\%C3%A9",
    "https:api.example.com/a~b/%C3%A9",
    " https://api.example.com/a~b/%C3%A9",
    "https://api.exa\tmple.com/a~b/%C3%A9",
    "//api.example.com/a~b/%C3%A9",
    "/a~b/%C3%A9",
    "",
    null,
    [url],
  ])("%s is another", (htu) => {
    expect(refusalOf(htu)).toBe("invalid_claim htu");
  });

  test("one that is longer than 2,048 characters is another", () => {
    expect(refusalOf(`${url}?${"x".repeat(4_200)}`)).toBe("invalid_claim htu");
  });

  test("of a server of several URLs may be each of them, and a use for one is none for another", () => {
    const urls = ["https://one.example/a", "https://two.example/a"];
    const verifyFor = (htu: string) => verify(forgeProof({ claims: { htu } }), {}, { ...request, url: urls });
    expect(new Set(urls.map((htu) => verifyFor(htu).replayHash)).size).toBe(2);
    expect(errorOf(() => verifyFor("https://three.example/a"))?.claim).toBe("htu");
  });

  test("a request whose own URL cannot be read matches no proof, not even one of the same text", () => {
    expect(refusal(forgeProof({ claims: { htu: "/a" } }), {}, { ...request, url: "/a" })).toBe("invalid_claim htu");
  });
});

test("DP-03 G-05: iat is a date, not over a minute ago and not over half a minute ahead", () => {
  for (const iat of [String(now), null, true, [now]]) {
    expect(refusal(forgeProof({ claims: { iat } }))).toBe("invalid_claim iat");
  }
  expect(refusal(forgeProof({ claims: { iat: now - 59 } }))).toBeUndefined();
  expect(refusal(forgeProof({ claims: { iat: now - 60 } }))).toBe("expired iat");
  expect(refusal(forgeProof({ claims: { iat: now + 30 } }))).toBeUndefined();
  expect(refusal(forgeProof({ claims: { iat: now + 31 } }))).toBe("not_yet_valid iat");
  expect(refusal(forgeProof({ claims: { iat: now - 9 } }), { maxAgeSeconds: 9 })).toBe("expired iat");
  expect(refusal(forgeProof({ claims: { iat: now + 1 } }), { leewaySeconds: 0 })).toBe("not_yet_valid iat");
});

test("DP-04 G-04: ath must be the hash of the access token where one came along", () => {
  const ath = createHash("sha256").update(accessToken).digest("base64url");
  const claims = { htm: "GET", htu: atResource.url };
  expect(refusal(forgeProof({ claims: { ...claims, ath } }), {}, atResource)).toBeUndefined();
  expect(refusal(forgeProof({ claims }), {}, atResource)).toBe("missing_claim ath");
  const foreign = createHash("sha256").update("another").digest("base64url");
  for (const wrong of [foreign, `${ath}=`, ath.toLowerCase(), "", null, [ath]]) {
    expect(refusal(forgeProof({ claims: { ...claims, ath: wrong } }), {}, atResource)).toBe("invalid_claim ath");
  }
});

describe("DP-03: with nonces", () => {
  const nonces = createDpopNonces({ secret: Buffer.alloc(32, 1), clock });
  const foreign = createDpopNonces({ secret: Buffer.alloc(32, 2), clock });

  test("one is asked for where the client's clock is wrong, and makes up for it", () => {
    for (const iat of [now - 86_400, now + 86_400]) {
      expect(refusal(forgeProof({ claims: { iat } }), { nonces })).toBe("nonce_required nonce");
      expect(verify(forgeProof({ claims: { iat, nonce: nonces.issue() } }), { nonces }).expiresAt).toBe(now + 180);
    }
    expect(refusal(forgeProof(), { nonces })).toBeUndefined();
  });

  test("G-05: where they are required, no proof passes without one", () => {
    expect(refusal(forgeProof(), { nonces, nonceRequired: true })).toBe("nonce_required nonce");
    expect(refusal(forgeProof({ claims: { nonce: nonces.issue() } }), { nonces, nonceRequired: true })).toBeUndefined();
  });

  test("G-06: those of another server, those that are over and those that are none are refused, required or not", () => {
    const old = createDpopNonces({ secret: Buffer.alloc(32, 1), clock: () => now - 240 }).issue();
    const early = createDpopNonces({ secret: Buffer.alloc(32, 1), clock: () => now + 180 }).issue();
    const forged = `${nonces.issue().slice(0, -1)}_`;
    for (const nonce of [foreign.issue(), old, early, forged, "", "x", null, 7, `0${nonces.issue()}`]) {
      for (const nonceRequired of [true, false]) {
        expect(refusal(forgeProof({ claims: { nonce } }), { nonces, nonceRequired })).toBe("nonce_required nonce");
      }
    }
  });

  test("a nonce serves for two to three minutes, on every node that has the secret", () => {
    let time = now + 59;
    const issued = createDpopNonces({ secret: Buffer.alloc(32, 1), clock: () => time }).issue();
    const another = createDpopNonces({ secret: Buffer.alloc(32, 1), clock: () => time });
    for (const [later, served] of [
      [-60, true],
      [0, true],
      [120, true],
      [121, false],
    ] as const) {
      time = now + 59 + later;
      expect(another.read(issued) !== undefined, String(later)).toBe(served);
    }
  });

  test("only the date is made up for: what else is wrong is said first", () => {
    expect(refusal(forgeProof({ claims: { htm: "GET" } }), { nonces, nonceRequired: true })).toBe("invalid_claim htm");
  });
});

test("J-23 C-08: no other kind of token is a proof", () => {
  const token = forgeProof({ header: { typ: "at+jwt" }, claims: { iss: "https://auth.example.com", exp: now + 600 } });
  expect(refusal(token)).toBe("wrong_type");
});

test("a proof is strict about its form, like every token here, and short", () => {
  const [header = "", payload = "", signature = ""] = forgeProof().split(".");
  for (const text of ["", "x", `${header}.${payload}`, `${header}.${payload}.${signature}=`]) {
    expect(refusal(text), text).toBe("malformed_token");
  }
  expect(refusal(`${forgeProof()}, ${forgeProof()}`)).toBe("malformed_token");
  expect(refusal(forgeProof({ header: { crit: ["jwk"] } }))).toBe("unsupported_critical");
  expect(refusal(forgeProof({ header: { b64: false } }))).toBe("unsupported_header");
  const twice = Buffer.from(`{"jti":"a","jti":"b","htm":"POST","htu":"${request.url}","iat":${now}}`);
  expect(refusal(signParts(encode(standardHeader), encode(twice)))).toBe("malformed_token");
  expect(refusal(forgeProof({ claims: { padding: "x".repeat(8_000) } }))).toBe("token_too_large");
});

test("options that nobody reads, or that make no sense, are refused", () => {
  const wrong = [
    { maxAge: 60 },
    { maxAgeSeconds: 0 },
    { maxAgeSeconds: 601 },
    { leewaySeconds: -1 },
    { nonceRequired: true },
  ] as DpopProofVerifierOptions[];
  for (const options of wrong) expect(errorOf(() => createDpopProofVerifier(options))?.code).toBe("invalid_options");
  expect(errorOf(() => createDpopNonces({ secret: Buffer.alloc(31) }))?.code).toBe("invalid_options");
});

function foreignProof(): string {
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return forgeProof({ header: { jwk: stranger.publicKey.export({ format: "jwk" }) }, key: stranger.privateKey });
}
