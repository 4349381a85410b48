import { generateSigningKey } from "@latchkey/jwt";
import { createVerifier, type KeySetFailure, type Verifier, VerifierError } from "@latchkey/verifier";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { isEndpointUrl } from "../src/issuer-url.ts";
import { AUDIENCE, json, JWKS, OAUTH, OPENID, startIssuer, type TestIssuer } from "./issuer-on-loopback.ts";

let issuer: TestIssuer;
const verifiers: Verifier[] = [];

beforeEach(async () => {
  issuer = await startIssuer({ path: "/tenant/1" });
});
afterEach(async () => {
  for (const verifier of verifiers.splice(0)) verifier.close();
  await issuer.stop();
});

function verifierOf(url: string): Verifier {
  const verifier = createVerifier({ issuer: url, audience: AUDIENCE });
  verifiers.push(verifier);
  return verifier;
}

/** Serves this metadata at both places, and says what came of it. */
async function failureOf(metadata: unknown): Promise<KeySetFailure | undefined> {
  issuer.answerWith(`/tenant/1${OPENID}`, (_, response) => json(response, metadata));
  const verifier = verifierOf(issuer.url);
  const error: unknown = await verifier.ready().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(VerifierError);
  return verifier.status().keys.failure;
}

describe("the issuer's metadata", () => {
  it("is looked for where OpenID Connect has it", async () => {
    await verifierOf(issuer.url).verify(issuer.issue());
    expect(issuer.paths).toEqual([`/tenant/1${OPENID}`, `/tenant/1${JWKS}`]);
  });

  it("is looked for where RFC 8414 has it, where OpenID Connect's is missing", async () => {
    issuer.answerWith(`/tenant/1${OPENID}`, (_, response) => response.writeHead(404).end());
    await verifierOf(issuer.url).verify(issuer.issue());
    expect(issuer.paths).toEqual([`/tenant/1${OPENID}`, `${OAUTH}/tenant/1`, `/tenant/1${JWKS}`]);
  });

  it("is reported as missing with both places named", async () => {
    const verifier = verifierOf(`${issuer.origin}/nobody`);
    await expect(verifier.ready()).rejects.toThrow(
      `No metadata at ${issuer.origin}/nobody${OPENID} (404) nor at ${issuer.origin}${OAUTH}/nobody (404).`,
    );
  });

  it("MD-01, D-05: must name the configured issuer byte for byte", async () => {
    const jwks = `${issuer.url}${JWKS}`;
    const { url } = issuer;
    const others = [
      `${url}/`,
      url.slice(0, -1),
      url.toUpperCase(),
      url.replace("127.0.0.1", "localhost"),
      [url],
      null,
      7,
    ];
    for (const other of [...others, undefined]) {
      expect(await failureOf({ issuer: other, jwks_uri: jwks })).toMatchObject({ reason: "issuer_mismatch" });
    }
    expect(issuer.paths).not.toContain(`/tenant/1${JWKS}`);
  });

  it("MD-01: counts a trailing slash of the configured issuer", async () => {
    issuer.answerWith(`/tenant/1${OPENID}`, (_, response) =>
      json(response, { issuer: `${issuer.url}/`, jwks_uri: `${issuer.url}${JWKS}` }),
    );
    const token = issuer.issue({ iss: `${issuer.url}/` });
    expect((await verifierOf(`${issuer.url}/`).verify(token)).issuer).toBe(`${issuer.url}/`);
  });

  it("D-05: tells the operator which issuer it found", async () => {
    const failure = await failureOf({ issuer: `${issuer.url}/`, jwks_uri: `${issuer.url}${JWKS}` });
    expect(failure?.message).toContain(`names the issuer "${issuer.url}/": it must be "${issuer.url}" exactly`);
  });

  it("must be an object with a key set's URL", async () => {
    const named = { issuer: issuer.url };
    const wrong = [
      null,
      [],
      "x",
      named,
      { ...named, jwks_uri: 7 },
      { ...named, jwks_uri: ["x"] },
      { ...named, jwks_uri: "/jwks" },
    ];
    for (const metadata of wrong) {
      expect((await failureOf(metadata))?.reason).toMatch(/^(bad_metadata|issuer_mismatch)$/);
    }
  });

  it.each(["file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "data:application/json,{}"])(
    "K-08: cannot send us to %s",
    async (uri) => {
      expect(await failureOf({ issuer: issuer.url, jwks_uri: uri })).toMatchObject({ reason: "bad_metadata" });
    },
  );

  it("is read anew after the keys were not where it said: they may have moved", async () => {
    let now = 1_800_000_000;
    const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE, clock: () => now });
    verifiers.push(verifier);
    await verifier.ready();
    issuer.answerWith(`/tenant/1${JWKS}`, (_, response) => response.writeHead(410).end());
    const next = generateSigningKey("ES256");
    const claims = { iat: now, exp: now + 600 };
    now += 1;
    await expect(verifier.verify(issuer.issue(claims, { key: next }))).rejects.toMatchObject({ code: "unavailable" });
    issuer.answerWith("/keys", (_, response) => response.writeHead(404).end());
    issuer.answerWith(`/tenant/1${OPENID}`, (_, response) =>
      json(response, { issuer: issuer.url, jwks_uri: `${issuer.origin}/keys` }),
    );
    now += 1;
    await expect(verifier.verify(issuer.issue(claims, { key: next }))).rejects.toMatchObject({ code: "unavailable" });
    expect(issuer.hits("/keys")).toBe(1);
  });
});

describe("the key set's URL", () => {
  it.each([
    ["https://keys.example.net/jwks", "https://auth.example.com"],
    ["https://auth.example.com:8443/jwks", "https://auth.example.com"],
    ["http://127.0.0.1:3000/jwks", "http://localhost:3000"],
  ])("K-08: may be %s for %s", (uri, from) => {
    expect(isEndpointUrl(uri, from)).toBe(true);
  });

  it.each([
    ["http://auth.example.com/jwks", "https://auth.example.com"],
    ["http://127.0.0.1/jwks", "https://auth.example.com"],
    ["http://169.254.169.254/latest/meta-data", "http://localhost:3000"],
    ["file:///etc/passwd", "http://localhost:3000"],
    ["data:application/json,{}", "https://auth.example.com"],
    ["/jwks", "https://auth.example.com"],
    ["https://user:secret@auth.example.com/jwks", "https://auth.example.com"],
    ["", "https://auth.example.com"],
  ])("K-08, D-05: may not be %s for %s", (uri, from) => {
    expect(isEndpointUrl(uri, from)).toBe(false);
  });
});
