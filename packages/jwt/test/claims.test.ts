import { expect, test } from "vitest";
import {
  createJwtVerifier,
  generateSigningKey,
  type JwtVerifierOptions,
  signJwt,
  verificationKeyOf,
} from "@latchkey/jwt";
import { forge, forgeClaims, forgeHeader, forgeMembers, standardHeader, verifyForged } from "./forge.ts";
import { errorOf, refusalOf } from "./refusal.ts";
import { now, standardClaims, standardRules } from "./standard-token.ts";

const key = generateSigningKey("HS256", { kid: "k1" });

/** The refusal with the claim it is about, such as `invalid_claim exp`. */
function claimRefusal(token: string, options: Partial<JwtVerifierOptions> = {}): string | undefined {
  const error = errorOf(() => verifyForged(token, options));
  return error === undefined ? undefined : `${error.code} ${error.claim ?? ""}`.trim();
}

test("J-17 B-13: a token without exp is refused", () => {
  expect(claimRefusal(forgeClaims({ exp: undefined }))).toBe("missing_claim exp");
});

test("J-17 B-11 B-12: exp must be a number of seconds before the year 10000", () => {
  for (const exp of [String(now + 600), [now + 600], { seconds: 1 }, true, null, 9e15, (now + 600) * 1000]) {
    expect(claimRefusal(forgeClaims({ exp })), JSON.stringify(exp)).toBe("invalid_claim exp");
  }
  for (const text of ["1e999", "1e400", "-1e999"]) {
    const token = forgeMembers(`"exp":${text}`, { ...standardClaims, exp: undefined });
    expect(claimRefusal(token), text).toBe("malformed_token");
  }
  expect(claimRefusal(forgeMembers('"auth_time":1e999'))).toBe("malformed_token");
  for (const exp of [-1, 0, now - 3600]) expect(claimRefusal(forgeClaims({ exp }))).toBe("expired exp");
  expect(claimRefusal(forgeClaims({ exp: now + 0.5 }), { leewaySeconds: 0 })).toBeUndefined();
});

test("J-17 J-19: a token lives until exp plus the leeway, to the second and not at it", () => {
  for (const leewaySeconds of [0, 5, 60]) {
    const at = (exp: number) => claimRefusal(forgeClaims({ exp }), { leewaySeconds });
    expect(at(now - leewaySeconds + 1)).toBeUndefined();
    expect(at(now - leewaySeconds)).toBe("expired exp");
    expect(at(now - 61)).toBe("expired exp");
  }
});

test("J-17 J-18: by a clock that gives no number, it is no token's time, not even a remembered one's", () => {
  for (const broken of [Number.NaN, undefined, {}, "now"]) {
    let time: unknown = now;
    const verify = createJwtVerifier({
      ...standardRules,
      keys: verificationKeyOf(key),
      clock: () => time as number,
      cache: {},
    });
    const token = signJwt({ ...standardClaims, nbf: now }, key, { typ: "at+jwt" });
    expect(refusalOf(() => verify(token))).toBeUndefined();
    time = broken;
    expect(refusalOf(() => verify(token))).toBe("expired");
    expect(refusalOf(() => verify(signJwt(standardClaims, key, { typ: "at+jwt" })))).toBe("expired");
  }
});

test("options that are changed after the verifier was made change nothing", () => {
  const options = { ...standardRules, audience: [standardClaims.aud], keys: [verificationKeyOf(key)] };
  const verify = createJwtVerifier(options);
  const strange = signJwt({ ...standardClaims, iss: "https://evil.example.com", aud: "x" }, key, { typ: "rt+jwt" });
  options.audience.push("x");
  Object.assign(options, { typ: "rt+jwt", issuer: "https://evil.example.com" });
  options.keys.length = 0;
  expect(refusalOf(() => verify(strange))).toBe("wrong_type");
  expect(refusalOf(() => verify(signJwt(standardClaims, key, { typ: "at+jwt" })))).toBeUndefined();
});

test("J-19: a leeway over 60 seconds, below 0 or not whole is refused when the verifier is made", () => {
  for (const leewaySeconds of [61, -1, 1.5, Number.NaN, Infinity, "5"]) {
    expect(claimRefusal(forge(standardHeader), { leewaySeconds: leewaySeconds as number })).toBe("invalid_options");
  }
});

test("J-18 B-14: a token from the future is refused: by iat, which it must have, and by nbf", () => {
  expect(claimRefusal(forgeClaims({ iat: now + 600, exp: now + 1200 }))).toBe("not_yet_valid iat");
  expect(claimRefusal(forgeClaims({ iat: now + 6 }))).toBe("not_yet_valid iat");
  expect(claimRefusal(forgeClaims({ iat: now + 5 }))).toBeUndefined();
  expect(claimRefusal(forgeClaims({ iat: undefined }))).toBe("missing_claim iat");
  for (const iat of [String(now), null, [now], true])
    expect(claimRefusal(forgeClaims({ iat }))).toBe("invalid_claim iat");
  expect(claimRefusal(forgeClaims({ nbf: now + 600 }))).toBe("not_yet_valid nbf");
  expect(claimRefusal(forgeClaims({ nbf: now + 6 }))).toBe("not_yet_valid nbf");
  expect(claimRefusal(forgeClaims({ nbf: now + 5 }))).toBeUndefined();
  for (const nbf of [String(now), null, [now], true])
    expect(claimRefusal(forgeClaims({ nbf }))).toBe("invalid_claim nbf");
});

test("an issuer may take its own tokens after its clock was set back, where that is configured", () => {
  const token = forgeClaims({ iat: now + 600, exp: now + 1200 });
  expect(claimRefusal(token, { futureIssuedAt: "accept" })).toBeUndefined();
  expect(claimRefusal(token, { futureIssuedAt: "reject" })).toBe("not_yet_valid iat");
  expect(claimRefusal(forgeClaims({ nbf: now + 600 }), { futureIssuedAt: "accept" })).toBe("not_yet_valid nbf");
  expect(claimRefusal(token, { futureIssuedAt: "yes" as "accept" })).toBe("invalid_options");
});

test("J-20 C-03: iss is compared exactly: no prefix, list, other case or URL rules", () => {
  const { iss } = standardClaims;
  expect(claimRefusal(forgeClaims({ iss: undefined }))).toBe("missing_claim iss");
  const wrong = [
    `${iss}/`,
    `${iss}.evil`,
    iss.toUpperCase(),
    iss.replace("https", "http"),
    iss.slice(0, -1),
    "",
    [iss],
    { iss },
    null,
    5,
    `${iss}:443`,
    ` ${iss}`,
    `${iss}\0`,
  ];
  for (const value of wrong)
    expect(claimRefusal(forgeClaims({ iss: value })), JSON.stringify(value)).toBe("invalid_claim iss");
});

test("J-21 C-01 C-02: aud must hold one of the verifier's audiences, exactly", () => {
  const { aud } = standardClaims;
  expect(claimRefusal(forgeClaims({ aud: undefined }))).toBe("missing_claim aud");
  const wrong = [
    [],
    "",
    ["x"],
    {},
    { 0: aud },
    [[aud]],
    5,
    null,
    aud.slice(0, -1),
    `${aud}/`,
    `${aud} x`,
    [aud, 5],
    [aud, null],
    true,
    aud.toUpperCase(),
  ];
  for (const value of wrong)
    expect(claimRefusal(forgeClaims({ aud: value })), JSON.stringify(value)).toBe("invalid_claim aud");
  for (const value of [aud, [aud], ["x", aud]]) expect(claimRefusal(forgeClaims({ aud: value }))).toBeUndefined();
  const audience = ["https://other.example.com", aud];
  expect(claimRefusal(forge(standardHeader), { audience })).toBeUndefined();
  expect(claimRefusal(forgeClaims({ aud: "toString" }), { audience })).toBe("invalid_claim aud");
});

test("J-22: typ is a media type: case and application/ make no difference, everything else does", () => {
  for (const typ of ["at+jwt", "application/at+jwt", "AT+JWT", "Application/At+Jwt"]) {
    expect(
      refusalOf(() => verifyForged(forgeHeader({ typ }))),
      typ,
    ).toBeUndefined();
    expect(refusalOf(() => verifyForged(forge(standardHeader), { typ }))).toBeUndefined();
  }
  for (const typ of [
    "JWT",
    undefined,
    "logout+jwt",
    "secevent+jwt",
    "refresh+jwt",
    "rt+jwt",
    "",
    "at+jwt ",
    "text/at+jwt",
    "application/application/at+jwt",
    "/at+jwt",
    "at",
  ]) {
    expect(
      refusalOf(() => verifyForged(forgeHeader({ typ }))),
      typ,
    ).toBe("wrong_type");
  }
  for (const typ of [null, 5, ["at+jwt"]])
    expect(refusalOf(() => verifyForged(forgeHeader({ typ })))).toBe("malformed_token");
});

test("J-23: a token of one kind is refused by the verifier of every other kind, though issuer, key and audience are the same", () => {
  const kinds = ["at+jwt", "rt+jwt", "JWT", "logout+jwt", "secevent+jwt", "dpop+jwt", "statuslist+jwt", "reset+jwt"];
  const key = generateSigningKey("ES256");
  const accepted = kinds.map((typ) => {
    const verify = createJwtVerifier({ ...standardRules, typ, keys: verificationKeyOf(key) });
    return kinds.filter((kind) => refusalOf(() => verify(signJwt(standardClaims, key, { typ: kind }))) === undefined);
  });
  expect(accepted).toEqual(kinds.map((kind) => [kind]));
});

test("B-15 B-16: verdicts are the same each time, in any order", () => {
  const verify = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(generateSigningKey("HS256")) });
  const tokens = [forge(standardHeader), forgeClaims({ exp: 0 }), forgeHeader({ kid: "x" }), "x.y.z"];
  const once = tokens.map((token) => refusalOf(() => verify(token)));
  for (let round = 0; round < 5; round++) expect(tokens.map((token) => refusalOf(() => verify(token)))).toEqual(once);
});

test("sub and jti are text where they are present, and required claims must be there and not null", () => {
  for (const value of [5, null, ["x"], {}]) {
    expect(claimRefusal(forgeClaims({ sub: value }))).toBe("invalid_claim sub");
    expect(claimRefusal(forgeClaims({ jti: value }))).toBe("invalid_claim jti");
  }
  const requiredClaims = ["sub", "client_id"];
  expect(claimRefusal(forge(standardHeader), { requiredClaims })).toBeUndefined();
  expect(claimRefusal(forgeClaims({ client_id: undefined }), { requiredClaims })).toBe("missing_claim client_id");
  expect(claimRefusal(forgeClaims({ client_id: null }), { requiredClaims })).toBe("missing_claim client_id");
});

test("unknown, missing and unsafe options are refused when the verifier is made", () => {
  const options: readonly object[] = [
    { leewaySecond: 5 },
    { typ: "" },
    { typ: undefined },
    { issuer: "" },
    { issuer: undefined },
    { issuer: ["x"] },
    { issuer: /x/ },
    { audience: "" },
    { audience: [] },
    { audience: [""] },
    { audience: undefined },
    { audience: /x/ },
    { maxTokenBytes: 0 },
    { maxTokenBytes: 65_537 },
    { maxTokenBytes: Infinity },
    { clock: 5 },
    { requiredClaims: [5] },
    { requiredClaims: [""] },
    { ed25519Names: "both" },
  ];
  for (const option of options)
    expect(claimRefusal(forge(standardHeader), option), JSON.stringify(option)).toBe("invalid_options");
  expect(refusalOf(() => createJwtVerifier(undefined as unknown as JwtVerifierOptions))).toBe("invalid_options");
});

test("a list of keys needs a kid for each, and no two the same", () => {
  const [one, two] = [generateSigningKey("ES256", { kid: "k1" }), generateSigningKey("ES256", { kid: "k1" })].map(
    verificationKeyOf,
  );
  const nameless = verificationKeyOf(generateSigningKey("HS256"));
  if (one === undefined || two === undefined) throw new Error("no keys");
  expect(refusalOf(() => createJwtVerifier({ ...standardRules, keys: [one, two] }))).toBe("invalid_options");
  expect(refusalOf(() => createJwtVerifier({ ...standardRules, keys: [nameless] }))).toBe("invalid_options");
  expect(refusalOf(() => createJwtVerifier({ ...standardRules, keys: [] })(forge(standardHeader)))).toBe("unknown_key");
});

test("a key source that drops or replaces a key is obeyed at the next token", () => {
  const [one, two] = [generateSigningKey("ES256", { kid: "k1" }), generateSigningKey("ES256", { kid: "k1" })];
  let current: ReturnType<typeof verificationKeyOf> | undefined = verificationKeyOf(one);
  const verify = createJwtVerifier({ ...standardRules, keys: () => current });
  const token = signJwt(standardClaims, one, { typ: "at+jwt" });
  expect(refusalOf(() => verify(token))).toBeUndefined();
  current = verificationKeyOf(two);
  expect(refusalOf(() => verify(token))).toBe("invalid_signature");
  current = undefined;
  expect(refusalOf(() => verify(token))).toBe("unknown_key");
  current = verificationKeyOf(one);
  expect(refusalOf(() => verify(token))).toBeUndefined();
});

test("more headers than are remembered, and forged ones in between, change no verdict", () => {
  const key = generateSigningKey("HS256");
  const verify = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) });
  for (let round = 0; round < 200; round++) {
    const copy = generateSigningKey("HS256", { kid: `k${round}` });
    expect(refusalOf(() => verify(signJwt(standardClaims, copy, { typ: "at+jwt" })))).toBe("invalid_signature");
    expect(verify(signJwt(standardClaims, key, { typ: round % 2 === 0 ? "at+jwt" : "AT+JWT" })).claims.sub).toBe(
      "user_1",
    );
  }
});

test("a verifier called again from its own key source or clock gives both answers right", () => {
  const key = generateSigningKey("HS256", { kid: "k1" });
  const inner = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) });
  const other = signJwt({ ...standardClaims, sub: "other" }, key, { typ: "at+jwt" });
  const subjects: (string | undefined)[] = [];
  const again = () => {
    subjects.push(inner(other).claims.sub);
  };
  const verify = createJwtVerifier({
    ...standardRules,
    keys: () => {
      again();
      return verificationKeyOf(key);
    },
    clock: () => {
      again();
      return now;
    },
  });
  expect(verify(signJwt(standardClaims, key, { typ: "at+jwt" })).claims.sub).toBe("user_1");
  expect(subjects).toEqual(["other", "other"]);
});

test("signing refuses claims that are no object, dates that are no finite numbers, and tokens over 64 KiB", () => {
  const key = generateSigningKey("HS256");
  for (const claims of [null, [], "x", undefined]) {
    expect(refusalOf(() => signJwt(claims as unknown as object, key, { typ: "JWT" }))).toBe("invalid_options");
  }
  for (const exp of [Number.NaN, Infinity, "1", null]) {
    expect(errorOf(() => signJwt({ exp }, key, { typ: "JWT" }))).toMatchObject({ code: "invalid_claim", claim: "exp" });
  }
  expect(refusalOf(() => signJwt({ x: "é".repeat(30_000) }, key, { typ: "JWT" }))).toBe("invalid_options");
  expect(refusalOf(() => signJwt({}, key, {} as { typ: string }))).toBe("invalid_options");
  expect(refusalOf(() => signJwt({}, { ...key }, { typ: "JWT" }))).toBe("invalid_key");
});
