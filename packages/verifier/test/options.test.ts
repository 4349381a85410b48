import { createVerifier, VerifierError, type VerifierOptions } from "@latchkey/verifier";
import { describe, expect, it } from "vitest";

const good = { issuer: "https://auth.example.com", audience: "https://api.example.com" };

function make(options: object): string {
  try {
    createVerifier(options as VerifierOptions).close();
    return "made";
  } catch (error) {
    if (error instanceof VerifierError && error.code === "invalid_options") return error.message;
    throw error;
  }
}

describe("the options", () => {
  it.each([
    "https://auth.example.com",
    "https://auth.example.com/",
    "https://auth.example.com/tenant/1",
    "https://auth.example.com:8443",
    "http://localhost:3000",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
    "http://auth.localhost:3000",
  ])("MD-01: take the issuer %s", (issuer) => {
    expect(make({ ...good, issuer })).toBe("made");
  });

  it.each([
    "http://auth.example.com",
    "http://10.0.0.1",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "file:///etc/passwd",
    "ftp://auth.example.com",
    "data:application/json,{}",
    "auth.example.com",
    "",
    " https://auth.example.com",
    "https://auth.example.com\n",
    "https://auth.example.com?tenant=1",
    "https://auth.example.com?",
    "https://auth.example.com#x",
    "https://auth.example.com/#",
    "https://user:secret@auth.example.com",
    "https://AUTH.example.com",
    "https://auth.example.com:443",
    "https://auth.example.com/a/../b",
    "https:\\\\auth.example.com",
    7,
    undefined,
    null,
  ])("K-08, D-05, MD-01, H-09: refuse the issuer %j", (issuer) => {
    expect(make({ ...good, issuer })).toMatch(/^issuer: /);
  });

  it.each([undefined, "", [], [""], [7], ["https://api.example.com", ""], null])(
    "C-01: refuse to work without an audience (%j)",
    (audience) => {
      expect(make({ ...good, audience })).toMatch(/^audience: /);
    },
  );

  it("refuse what nobody reads", () => {
    expect(make({ ...good, leeway: 5 })).toMatch(/^leeway: is no option; known are issuer, audience,/);
    expect(make({ ...good, algorithms: ["none"] })).toMatch(/^algorithms: is no option/);
  });

  it.each([
    ["leewaySeconds", -1],
    ["leewaySeconds", 61],
    ["leewaySeconds", 1.5],
    ["leewaySeconds", Number.NaN],
    ["keyRefreshSeconds", 9],
    ["keyRefreshSeconds", Infinity],
    ["maxKeyAgeSeconds", 299],
    ["maxKeyAgeSeconds", 8 * 86_400],
    ["fetchTimeoutSeconds", 0],
    ["fetchTimeoutSeconds", "5"],
    ["tokenCache", true],
    ["tokenCache", null],
    ["fetch", "fetch"],
    ["clock", 7],
  ])("refuse a %s of %j", (name, value) => {
    expect(make({ ...good, [name]: value })).toMatch(new RegExp(`^${name}: must be `));
  });

  it.each([
    ["dpop", 7],
    ["dpop.maxAge", { maxAge: 60 }],
    ["dpop.url", { url: "api.example.com" }],
    ["dpop.url", { url: "https://api.example.com?x" }],
    ["dpop.url", { url: "https://user@api.example.com" }],
    ["dpop.url", { url: [] }],
    ["dpop.proofLifetimeSeconds", { proofLifetimeSeconds: 0 }],
    ["dpop.proofLifetimeSeconds", { proofLifetimeSeconds: 601 }],
    ["dpop.replayStore", { replayStore: {} }],
    ["dpop.nonce.secret", { nonce: { secret: new Uint8Array(31) } }],
    ["dpop.nonce.required", { nonce: { secret: new Uint8Array(32), required: "yes" } }],
  ])("DP-01: refuse a %s in %j", (name, dpop) => {
    expect(make({ ...good, dpop }).startsWith(`${name}: `)).toBe(true);
  });

  it("are needed at all", () => {
    expect(() => createVerifier(undefined as unknown as VerifierOptions)).toThrow(VerifierError);
  });

  const credentials = { id: "api", secret: "secret" };
  it.each([
    [{ revocation: true }, /^revocation: must be false or an object/],
    [{ revocation: null }, /^revocation: must be false or an object/],
    [{ revocation: { url: "https://auth.example.com/revocations" } }, /^revocation\.url: is no option/],
    [{ revocation: { credentials: "api:secret" } }, /^revocation\.credentials: must be \{ id, secret \}/],
    [{ revocation: { credentials: { id: "api" } } }, /^revocation\.credentials: /],
    [{ revocation: { credentials: { id: "", secret: "secret" } } }, /^revocation\.credentials: /],
    [{ revocation: { urls: "https://auth.example.com/revocations" } }, /^revocation\.urls: /],
    [{ revocation: { urls: ["http://auth.example.com/revocations"] } }, /^revocation\.urls: /],
    [{ revocation: { urls: ["https://api:secret@auth.example.com/revocations"] } }, /^revocation\.urls: /],
    [{ revocation: { maxStalenessSeconds: 4 } }, /^revocation\.maxStalenessSeconds: /],
    [{ revocation: { maxStalenessSeconds: Number.NaN } }, /^revocation\.maxStalenessSeconds: /],
    [{ revocation: { onStale: "accept" } }, /^revocation\.onStale: /],
    [{ revocation: { onStale: "introspect" } }, /^revocation\.credentials: are needed/],
  ])("refuse %j, naming the option and never a secret", (options, message) => {
    expect(make({ ...good, ...options })).toMatch(message);
    expect(make({ ...good, ...options })).not.toMatch(/secret(?! \})/);
  });

  it.each([
    { revocation: false },
    { revocation: {} },
    { revocation: { urls: ["https://one.example.com/revocations", "https://two.example.com/revocations"] } },
    { revocation: { credentials, onStale: "introspect", maxStalenessSeconds: 5 } },
  ])("take %j", (options) => {
    expect(make({ ...good, ...options })).toBe("made");
  });

  it("ask nobody: a verifier is made without a request", () => {
    const fetch = (): never => {
      throw new Error("asked");
    };
    const verifier = createVerifier({ ...good, fetch });
    expect(verifier.status()).toEqual({
      issuer: good.issuer,
      isReady: false,
      isClosed: false,
      revocation: { state: "off", entries: 0, reconnects: 0 },
      keys: { state: "none", keyIds: [], ageSeconds: undefined, failure: undefined },
    });
    verifier.close();
  });
});
