import * as crypto from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import {
  createJwtVerifier,
  createSecretKey,
  decodeUnverifiedHeader,
  exportPrivateJwk,
  exportPrivatePem,
  exportPublicJwk,
  exportPublicPem,
  generateSigningKey,
  importSigningJwk,
  importSigningPem,
  importVerificationJwk,
  importVerificationPem,
  type Jwk,
  type JwtAlgorithm,
  signJwt,
  type VerificationKey,
  verificationKeyOf,
} from "@latchkey/jwt";
import { encode, forge, forgeHeader, secret, signSegments, standardHeader, verifyForged } from "./forge.ts";
import { errorOf, refusalOf } from "./refusal.ts";
import { standardClaims, standardRules } from "./standard-token.ts";

const rsa = generateSigningKey("RS256", { kid: "k1" });
const ec = generateSigningKey("ES256", { kid: "k1" });
const ed = generateSigningKey("Ed25519", { kid: "k1" });

function verify(token: string, keys: VerificationKey, more: object = {}) {
  return createJwtVerifier({ ...standardRules, keys, ...more })(token);
}

function signRaw(alg: string, sign: (input: Buffer) => Buffer): string {
  const input = `${encode({ ...standardHeader, alg })}.${encode(standardClaims)}`;
  return `${input}.${sign(Buffer.from(input)).toString("base64url")}`;
}

test("A-01 J-05: alg none is refused with an empty, missing or arbitrary signature", () => {
  const input = `${encode({ ...standardHeader, alg: "none" })}.${encode(standardClaims)}`;
  for (const token of [`${input}.`, input, `${input}.AAAA`, forgeHeader({ alg: "none" })]) {
    expect(refusalOf(() => verifyForged(token))).toBe("unsupported_algorithm");
  }
});

test("A-02 J-05: every other spelling of none, and of a real algorithm, is refused", () => {
  for (const alg of [
    "nOnE",
    "None",
    "NONE",
    "none ",
    " none",
    "none\0",
    "nοne",
    "hs256",
    "HS256 ",
    "HS256\0",
    "ES256K",
    "RS1",
  ]) {
    expect(
      refusalOf(() => verifyForged(forgeHeader({ alg }))),
      alg,
    ).toBe("unsupported_algorithm");
  }
});

test("A-03 J-05: a missing, empty, unknown or non-text alg is refused", () => {
  const odd = [
    undefined,
    "",
    null,
    5,
    ["HS256"],
    { alg: "HS256" },
    true,
    "XX999",
    "constructor",
    "__proto__",
    "toString",
  ];
  for (const alg of odd) {
    expect(
      refusalOf(() => verifyForged(forgeHeader({ alg }))),
      JSON.stringify(alg),
    ).toBe("unsupported_algorithm");
  }
});

test("A-04 A-05 A-06 A-07 J-07: no textual form of a public key, in any disguise, verifies as an HMAC secret", () => {
  for (const key of [rsa, ec]) {
    const pem = exportPublicPem(key);
    const jwk = exportPublicJwk(key);
    const der = crypto.createPublicKey(pem).export({ type: "spki", format: "der" });
    const forms = [
      pem,
      pem.trim(),
      `\n  ${pem}`,
      `# comment\n${pem}`,
      `\uFEFF${pem}`,
      pem.replaceAll("\n", "\r\n"),
      JSON.stringify(jwk),
      JSON.stringify({ keys: [jwk] }),
      JSON.stringify(jwk, null, 2),
      der,
      jwk.n ?? jwk.x ?? "",
    ];
    for (const form of forms) {
      const token = signSegments(encode(standardHeader), encode(standardClaims), form);
      expect(refusalOf(() => verify(token, verificationKeyOf(key)))).toBe("wrong_algorithm");
    }
  }
});

test("A-05 A-06 A-07 J-07: text is never a secret, and a public key object neither", () => {
  const pem = exportPublicPem(rsa);
  for (const form of [
    pem,
    `\n${pem}`,
    JSON.stringify(exportPublicJwk(rsa)),
    crypto.createPublicKey(pem),
    exportPublicJwk(rsa),
  ]) {
    expect(refusalOf(() => createSecretKey(form as unknown as Uint8Array, { alg: "HS256" }))).toBe("invalid_key");
    expect(refusalOf(() => createJwtVerifier({ ...standardRules, keys: form as unknown as VerificationKey }))).toBe(
      "invalid_key",
    );
  }
});

test("A-07 A-12: a JWK or PEM bound to an algorithm of another key type is refused when it is imported", () => {
  const wrong: readonly (readonly [Jwk, JwtAlgorithm])[] = [
    [exportPublicJwk(rsa), "HS256"],
    [exportPublicJwk(rsa), "ES256"],
    [exportPublicJwk(ec), "RS256"],
    [exportPublicJwk(ec), "ES384"],
    [exportPublicJwk(ec), "EdDSA"],
    [exportPublicJwk(ed), "ES256"],
  ];
  for (const [{ alg: _alg, ...jwk }, alg] of wrong) {
    expect(
      refusalOf(() => importVerificationJwk(jwk as Jwk, { alg })),
      `${jwk.kty} ${alg}`,
    ).toBe("invalid_key");
    expect(
      refusalOf(() =>
        importVerificationPem(exportPublicPem(jwk.kty === "RSA" ? rsa : jwk.kty === "EC" ? ec : ed), { alg }),
      ),
    ).toBe("invalid_key");
  }
  const dsa = crypto.generateKeyPairSync("dsa", { modulusLength: 2048, divisorLength: 256 });
  const x25519 = crypto.generateKeyPairSync("x25519");
  const ed448 = crypto.generateKeyPairSync("ed448");
  const secp256k1 = crypto.generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  for (const { publicKey, privateKey } of [dsa, x25519, ed448, secp256k1]) {
    for (const alg of ["RS256", "ES256", "EdDSA", "Ed25519"] as const) {
      const spki = publicKey.export({ type: "spki", format: "pem" }).toString();
      const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      expect(refusalOf(() => importVerificationPem(spki, { alg }))).toBe("invalid_key");
      expect(refusalOf(() => importSigningPem(pkcs8, { alg }))).toBe("invalid_key");
    }
  }
});

test("A-08: an RSA JWK without alg is refused unless the application says which algorithm it is for", () => {
  const { alg: _alg, ...jwk } = exportPublicJwk(rsa);
  expect(refusalOf(() => importVerificationJwk(jwk as Jwk))).toBe("invalid_key");
  expect(importVerificationJwk(jwk as Jwk, { alg: "PS256" }).alg).toBe("PS256");
});

test("A-08 A-09 A-10 J-06 A-24: a key verifies its own algorithm only, whatever the token asks for", () => {
  const tokens = (["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const).map((alg) => {
    const key = importSigningPem(exportPrivatePem(rsa), { alg, kid: "k1" });
    return [alg, signJwt(standardClaims, key, { typ: "at+jwt" })] as const;
  });
  for (const bound of ["RS256", "PS256", "RS512"] as const) {
    const key = importVerificationPem(exportPublicPem(rsa), { alg: bound, kid: "k1" });
    for (const [alg, token] of tokens) {
      expect(
        refusalOf(() => verify(token, key)),
        `${bound} ${alg}`,
      ).toBe(alg === bound ? undefined : "wrong_algorithm");
    }
  }
  expect(refusalOf(() => importVerificationJwk(exportPublicJwk(rsa), { alg: "PS256" }))).toBe("invalid_key");
});

test("A-11 A-19 J-08: an empty or short secret is refused, whatever the algorithm", () => {
  for (const [alg, bytes] of [
    ["HS256", 32],
    ["HS384", 48],
    ["HS512", 64],
  ] as const) {
    for (const length of [0, 1, bytes - 1]) {
      expect(refusalOf(() => createSecretKey(Buffer.alloc(length, 7), { alg }))).toBe("weak_key");
      const k = Buffer.alloc(length, 7).toString("base64url");
      expect(refusalOf(() => importSigningJwk({ kty: "oct", alg, k }))).toBe("weak_key");
    }
    expect(createSecretKey(Buffer.alloc(bytes, 7), { alg }).alg).toBe(alg);
  }
  for (const nothing of ["", null, undefined, "a long enough password, but a password"]) {
    expect(refusalOf(() => createSecretKey(nothing as unknown as Uint8Array, { alg: "HS256" }))).toBe("invalid_key");
  }
});

test("A-11: a key source that finds nothing, or something that is no key, lets no token through", () => {
  const token = forge(standardHeader);
  expect(refusalOf(() => verifyForged(token, { keys: () => undefined }))).toBe("unknown_key");
  for (const nothing of ["", Buffer.alloc(0), Buffer.from(secret), { alg: "HS256", kid: "k1", type: "verification" }]) {
    const keys = () => nothing as unknown as VerificationKey;
    expect(refusalOf(() => verifyForged(token, { keys }))).toBe("invalid_key");
  }
  expect(refusalOf(() => verifyForged(token, { keys: () => null as unknown as undefined }))).toBe("unknown_key");
});

test("A-13 A-14 A-15 J-14: keys and links in the header are never used", () => {
  const attacker = generateSigningKey("ES256", { kid: "k1" });
  const jwk = exportPublicJwk(attacker);
  const own = { jwk, jku: "http://127.0.0.1:9/jwks", x5u: "file:///etc/passwd", x5c: ["MIIB"], x5t: "x" };
  const header = encode({ alg: "ES256", typ: "at+jwt", kid: "k1", ...own });
  const input = `${header}.${encode(standardClaims)}`;
  const privateKey = crypto.createPrivateKey(exportPrivatePem(attacker));
  const signature = crypto.sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  const token = `${input}.${signature.toString("base64url")}`;
  expect(refusalOf(() => verify(token, verificationKeyOf(ec)))).toBe("invalid_signature");
  expect(decodeUnverifiedHeader(token)["jku"]).toBe(own.jku);
});

test("A-16 J-15: a kid is looked up exactly, and is no path, query, pattern or property", () => {
  const keys = [verificationKeyOf(createSecretKey(secret, { alg: "HS256", kid: "k1" }))];
  const kids = [
    "../../../dev/null",
    "' OR 1=1 --",
    "__proto__",
    "constructor",
    "toString",
    "K1",
    "k1 ",
    "k",
    ".*",
    "",
    "$(id)",
    "*)(uid=*",
  ];
  for (const kid of kids)
    expect(
      refusalOf(() => verifyForged(forgeHeader({ kid }), { keys })),
      kid,
    ).toBe("unknown_key");
  expect(refusalOf(() => verifyForged(forgeHeader({ kid: undefined }), { keys }))).toBe("unknown_key");
  for (const kid of [["k1"], { k: "k1" }, 1, null, true, "k".repeat(257)]) {
    expect(refusalOf(() => verifyForged(forgeHeader({ kid }), { keys }))).toBe("malformed_token");
  }
  expect(refusalOf(() => verifyForged(forgeHeader({ kid: "k".repeat(65_536) }), { keys }))).toBe("token_too_large");
});

test("A-20 J-10: ECDSA signatures of zeros, ones and the group order are refused", () => {
  const n = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const bytes = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
  for (const r of [0n, 1n, n - 1n, n, n + 1n]) {
    for (const s of [0n, 1n, n - 1n, n, n + 1n]) {
      const token = signRaw("ES256", () => Buffer.concat([bytes(r), bytes(s)]));
      expect(refusalOf(() => verify(token, verificationKeyOf(ec)))).toBe("invalid_signature");
    }
  }
});

test("A-21 J-10: an ECDSA signature is R and S of fixed length: DER, padding and other lengths are refused", () => {
  const privateKey = crypto.createPrivateKey(exportPrivatePem(ec));
  const p1363 = (input: Buffer) => crypto.sign("sha256", input, { key: privateKey, dsaEncoding: "ieee-p1363" });
  const wrong: readonly ((input: Buffer) => Buffer)[] = [
    (input) => crypto.sign("sha256", input, privateKey),
    (input) => Buffer.concat([Buffer.alloc(1), p1363(input)]),
    (input) => Buffer.concat([p1363(input), Buffer.alloc(1)]),
    (input) =>
      Buffer.concat([Buffer.alloc(1), p1363(input).subarray(0, 32), Buffer.alloc(1), p1363(input).subarray(32)]),
    (input) => p1363(input).subarray(1),
    (input) => p1363(input).subarray(0, 63),
    () => Buffer.alloc(0),
    () => Buffer.alloc(96, 1),
  ];
  expect(verify(signRaw("ES256", p1363), verificationKeyOf(ec)).claims.sub).toBe("user_1");
  for (const sign of wrong) {
    expect(refusalOf(() => verify(signRaw("ES256", sign), verificationKeyOf(ec)))).toBe("invalid_signature");
  }
});

test("A-21: many ECDSA signatures, with and without leading zeros in R and S, verify here and in OpenSSL's own format", () => {
  for (const alg of ["ES256", "ES384", "ES512"] as const) {
    const key = generateSigningKey(alg);
    const publicKey = crypto.createPublicKey(exportPublicPem(key));
    for (let round = 0; round < 300; round++) {
      const token = signJwt({ ...standardClaims, round }, key, { typ: "at+jwt" });
      expect(verify(token, verificationKeyOf(key)).claims["round"]).toBe(round);
      const at = token.lastIndexOf(".");
      const signature = Buffer.from(token.slice(at + 1), "base64url");
      const hash = `sha${alg.slice(2)}`;
      expect(
        crypto.verify(hash, Buffer.from(token.slice(0, at)), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature),
      ).toBe(true);
    }
  }
});

test("A-22 J-26: the second ECDSA signature (n − s) verifies too, so tokens are told apart by jti, never by their text", () => {
  const n = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const token = signJwt(standardClaims, ec, { typ: "at+jwt" });
  const at = token.lastIndexOf(".");
  const signature = Buffer.from(token.slice(at + 1), "base64url");
  const s = BigInt(`0x${signature.toString("hex", 32)}`);
  const twin = Buffer.concat([signature.subarray(0, 32), Buffer.from((n - s).toString(16).padStart(64, "0"), "hex")]);
  const other = `${token.slice(0, at)}.${twin.toString("base64url")}`;
  expect(other).not.toBe(token);
  expect(verify(other, verificationKeyOf(ec)).claims.jti).toBe(verify(token, verificationKeyOf(ec)).claims.jti);
});

test("A-23 J-09: RSA keys under 2048 bits, with an even exponent or one of 1, an even modulus, or of more than 16384 bits are refused", () => {
  const jwk = exportPublicJwk(rsa);
  const short = crypto.generateKeyPairSync("rsa", { modulusLength: 1024 });
  expect(
    refusalOf(() =>
      importVerificationPem(short.publicKey.export({ type: "spki", format: "pem" }).toString(), { alg: "RS256" }),
    ),
  ).toBe("weak_key");
  expect(
    refusalOf(() => importSigningJwk({ ...(short.privateKey.export({ format: "jwk" }) as Jwk), alg: "RS256" })),
  ).toBe("weak_key");
  for (const e of ["AQ", "Ag", "AQAA", Buffer.alloc(9, 1).toString("base64url")]) {
    expect(
      refusalOf(() => importVerificationJwk({ ...jwk, e })),
      e,
    ).toBe("weak_key");
  }
  const even = Buffer.from(jwk.n ?? "", "base64url");
  even[255] = (even[255] ?? 0) & 0xfe;
  expect(refusalOf(() => importVerificationJwk({ ...jwk, n: even.toString("base64url") }))).toBe("weak_key");
  const huge = Buffer.alloc(2049, 0xff).toString("base64url");
  expect(refusalOf(() => importVerificationJwk({ ...jwk, n: huge }))).toBe("weak_key");
  // 2047 bits: the top bit of a 2048-bit modulus is not set.
  const almost = Buffer.alloc(256, 0xff).fill(0x7f, 0, 1).toString("base64url");
  expect(refusalOf(() => importVerificationJwk({ ...jwk, n: almost }))).toBe("weak_key");
});

test("A-23: a modulus of the ROCA form is refused: every one of its residues is a power of 65537", () => {
  // 65537^k modulo the primorial has that form by construction (Nemec et al. 2017, §2).
  const primes = [
    2n,
    3n,
    5n,
    7n,
    11n,
    13n,
    17n,
    19n,
    23n,
    29n,
    31n,
    37n,
    41n,
    43n,
    47n,
    53n,
    59n,
    61n,
    67n,
    71n,
    73n,
    79n,
    83n,
    89n,
    97n,
    101n,
    103n,
    107n,
    109n,
    113n,
    127n,
    131n,
    137n,
    139n,
    149n,
    151n,
    157n,
    163n,
    167n,
  ];
  const primorial = primes.reduce((product, prime) => product * prime, 1n);
  const residue = 65_537n ** 11n % primorial;
  const modulus = ((1n << 2047n) / primorial + 1n) * primorial + residue;
  const n = Buffer.from(modulus.toString(16), "hex").toString("base64url");
  const error = errorOf(() => importVerificationJwk({ kty: "RSA", alg: "RS256", n, e: "AQAB" }));
  expect(error?.code).toBe("weak_key");
  expect(error?.message).toContain("ROCA");
});

test("A-24: an RSASSA-PSS signature with another salt length, hash or MGF hash is refused", () => {
  const ps = importSigningPem(exportPrivatePem(rsa), { alg: "PS256", kid: "k1" });
  const key = crypto.createPrivateKey(exportPrivatePem(rsa));
  const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
  const sign = (hash: string, saltLength: number) => (input: Buffer) =>
    crypto.sign(hash, input, { key, padding, saltLength });
  expect(verify(signRaw("PS256", sign("sha256", 32)), verificationKeyOf(ps)).header.alg).toBe("PS256");
  for (const wrong of [
    sign("sha256", 0),
    sign("sha256", 20),
    sign("sha256", 31),
    sign("sha256", 33),
    sign("sha256", 64),
    sign("sha384", 32),
    (input: Buffer) => crypto.sign("sha256", input, key),
  ]) {
    expect(refusalOf(() => verify(signRaw("PS256", wrong), verificationKeyOf(ps)))).toBe("invalid_signature");
  }
  // And what is signed here has a salt of exactly that length.
  const token = signJwt(standardClaims, ps, { typ: "at+jwt" });
  const at = token.lastIndexOf(".");
  const publicKey = crypto.createPublicKey(exportPublicPem(rsa));
  const check = (saltLength: number) =>
    crypto.verify(
      "sha256",
      Buffer.from(token.slice(0, at)),
      { key: publicKey, padding, saltLength },
      Buffer.from(token.slice(at + 1), "base64url"),
    );
  expect([check(32), check(31)]).toEqual([true, false]);
});

test("A-25 J-11: an Ed25519 signature with S + L is refused", () => {
  const l = 2n ** 252n + 27742317777372353535851937790883648493n;
  const token = signJwt(standardClaims, ed, { typ: "at+jwt" });
  const at = token.lastIndexOf(".");
  const signature = Buffer.from(token.slice(at + 1), "base64url");
  const s = BigInt(`0x${Buffer.from(signature.subarray(32).toReversed()).toString("hex")}`);
  const twin = Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from((s + l).toString(16).padStart(64, "0"), "hex").toReversed(),
  ]);
  expect(refusalOf(() => verify(`${token.slice(0, at)}.${twin.toString("base64url")}`, verificationKeyOf(ed)))).toBe(
    "invalid_signature",
  );
});

test("A-25: Ed25519 keys of small order or in another than the canonical encoding are refused", () => {
  const points = [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    `01${"00".repeat(30)}80`,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    `ec${"ff".repeat(30)}7f`,
    `ec${"ff".repeat(31)}`,
  ];
  for (const point of points) {
    const x = Buffer.from(point, "hex").toString("base64url");
    expect(
      refusalOf(() => importVerificationJwk({ kty: "OKP", crv: "Ed25519", x })),
      point,
    ).toBe("weak_key");
  }
  for (const point of [`ed${"ff".repeat(30)}7f`, `ee${"ff".repeat(30)}7f`, "ff".repeat(32)]) {
    const x = Buffer.from(point, "hex").toString("base64url");
    expect(
      refusalOf(() => importVerificationJwk({ kty: "OKP", crv: "Ed25519", x })),
      point,
    ).toBe("invalid_key");
  }
});

test("A-25 J-11: EdDSA and Ed25519 are taken for one another only where that is configured", () => {
  const old = importSigningPem(exportPrivatePem(ed), { alg: "EdDSA", kid: "k1" });
  const tokens = [
    signJwt(standardClaims, old, { typ: "at+jwt" }),
    signJwt(standardClaims, ed, { typ: "at+jwt" }),
  ] as const;
  const keys = [verificationKeyOf(old), verificationKeyOf(ed)] as const;
  expect(keys.map((key) => tokens.map((token) => refusalOf(() => verify(token, key))))).toEqual([
    [undefined, "wrong_algorithm"],
    ["wrong_algorithm", undefined],
  ]);
  for (const key of keys) {
    for (const token of tokens) expect(verify(token, key, { ed25519Names: "either" }).claims.sub).toBe("user_1");
    expect(refusalOf(() => verify(forge(standardHeader), key, { ed25519Names: "either" }))).toBe("wrong_algorithm");
  }
  expect(refusalOf(() => verify(tokens[0], keys[0], { ed25519Names: true }))).toBe("invalid_options");
});

test("A-27 J-24: a refused token is not in the error, and neither are the signature or the key", () => {
  const tokens = [
    forge({ ...standardHeader, kid: "other" }),
    `${forge(standardHeader).slice(0, -4)}AAAA`,
    "rubbish",
    forge(standardHeader, "no JSON"),
  ];
  for (const token of tokens) {
    const error = errorOf(() => verifyForged(token));
    const shown = inspect(error, { depth: 5, showHidden: true });
    for (const part of [...token.split("."), secret.toString("hex"), secret.toString("base64url")])
      expect(shown).not.toContain(part);
  }
});

test("A-27 J-24: a wrong MAC of any form gets the same refusal", () => {
  const token = forge(standardHeader);
  const input = token.slice(0, -43);
  const wrong = [
    "A".repeat(43),
    `B${token.slice(-42)}`,
    `${token.slice(-43, -2)}AA`,
    `${token.slice(-43, -22)}${"A".repeat(22)}`,
  ];
  const errors = wrong.map((mac) => errorOf(() => verifyForged(`${input}${mac}`)));
  expect(new Set(errors.map((error) => `${String(error?.code)}: ${String(error?.message)}`))).toEqual(
    new Set(["invalid_signature: The signature of the token is wrong."]),
  );
});

test("a private JWK whose halves do not belong together is refused", () => {
  for (const alg of ["ES256", "EdDSA"] as const) {
    const [one, other] = [exportPrivateJwk(generateSigningKey(alg)), exportPrivateJwk(generateSigningKey(alg))];
    expect(refusalOf(() => importSigningJwk({ ...one, d: other.d ?? "" }))).toBe("invalid_key");
  }
});

test("no key object shows its material, and a copy of one is no key", () => {
  for (const key of [createSecretKey(secret, { alg: "HS256" }), rsa, verificationKeyOf(rsa)]) {
    expect(JSON.parse(JSON.stringify(key))).toEqual({
      type: key.type,
      alg: key.alg,
      ...(key.kid !== undefined && { kid: key.kid }),
    });
    expect(inspect(key, { depth: 9, showHidden: true })).not.toContain(secret.toString("hex").slice(0, 8));
    expect(Object.isFrozen(key)).toBe(true);
    expect(refusalOf(() => exportPublicPem({ ...key }))).toBe("invalid_key");
  }
});

test("a secret is never published: it has no public JWK and no PEM", () => {
  const key = createSecretKey(secret, { alg: "HS256" });
  for (const call of [
    () => exportPublicJwk(key),
    () => exportPublicJwk(verificationKeyOf(key)),
    () => exportPublicPem(key),
    () => exportPrivatePem(key),
  ]) {
    expect(refusalOf(call)).toBe("invalid_key");
  }
  expect(exportPrivateJwk(key)).toMatchObject({ kty: "oct", k: secret.toString("base64url"), alg: "HS256" });
});

test("where a public key is asked for, a private one, a certificate or several blocks are refused", () => {
  const pem = exportPublicPem(ec);
  for (const text of [
    exportPrivatePem(ec),
    `${pem}${pem}`,
    pem.replaceAll("PUBLIC KEY", "CERTIFICATE"),
    `x${pem}`,
    "",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
  ]) {
    expect(refusalOf(() => importVerificationPem(text, { alg: "ES256" }))).toBe("invalid_key");
  }
  expect(refusalOf(() => importVerificationJwk(exportPrivateJwk(ec)))).toBe("invalid_key");
});
