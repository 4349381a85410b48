import * as crypto from "node:crypto";
import { createRequire } from "node:module";
import { createJwtVerifier, importSigningJwk, signJwt, verificationKeyOf } from "@latchkey/jwt";
import type { Library, LibraryName } from "./library.ts";
import { audience, issuer, kid, typ, type Claims, type Workload } from "./workload.ts";

const require = createRequire(import.meta.url);

const latchkey: Library = (_alg, { jwk }) => {
  const key = importSigningJwk(jwk);
  const options = { typ, issuer, audience, keys: [verificationKeyOf(key)] };
  return {
    verify: createJwtVerifier(options),
    sign: (claims) => signJwt(claims, key, { typ }),
    verifyCached: createJwtVerifier({ ...options, cache: {} }),
  };
};

/**
 * The bare one-shot call of node:crypto with a cached KeyObject, on octets that are ready: nothing is parsed, decoded or
 * compared. For PS256 the key is an id-RSASSA-PSS one, which is quicker than a padding option; ECDSA signatures are DER.
 */
const floor: Library = (alg, workload) => {
  if (alg === "HS256") {
    const key = crypto.createSecretKey(secretOf(workload));
    const mac = (input: Buffer) => crypto.createHmac("sha256", key).update(input).digest();
    const inputs = new Map(
      allTokens(workload).map((token) => [token, Buffer.from(token.slice(0, token.lastIndexOf(".")))]),
    );
    return { verify: (token) => mac(inputs.get(token) ?? Buffer.alloc(0)), sign: signInput(workload, mac) };
  }
  const hash = alg === "EdDSA" ? null : "sha256";
  const { publicKey, privateKey } = alg === "PS256" ? pssPair(workload) : pair(workload);
  const parts = new Map(
    allTokens(workload).map((token) => {
      const at = token.lastIndexOf(".");
      const signature = Buffer.from(token.slice(at + 1), "base64url");
      return [
        token,
        { input: Buffer.from(token.slice(0, at)), signature: alg === "ES256" ? toDer(signature) : signature },
      ];
    }),
  );
  return {
    verify(token) {
      const part = parts.get(token);
      return part !== undefined && crypto.verify(hash, part.input, publicKey, part.signature);
    },
    sign: signInput(workload, (input) => crypto.sign(hash, input, privateKey)),
  };
};

function signInput(workload: Workload, sign: (input: Buffer) => unknown): (claims: Claims) => unknown {
  const inputs = new Map(
    workload.claims.map((claims, number) => [
      claims,
      Buffer.from(workload.tokens.verify[number]?.replace(/\.[^.]*$/, "") ?? ""),
    ]),
  );
  return (claims) => sign(inputs.get(claims) ?? Buffer.alloc(0));
}

function allTokens({ tokens }: Workload): readonly string[] {
  return [...tokens.verify, ...tokens["wrong-signature"], ...tokens.expired];
}

function toDer(signature: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    let start = 0;
    while (start < bytes.length - 1 && bytes[start] === 0) start++;
    const body = (bytes[start] ?? 0) >= 0x80 ? [0, ...bytes.subarray(start)] : [...bytes.subarray(start)];
    return [2, body.length, ...body];
  };
  const content = [...integer(signature.subarray(0, 32)), ...integer(signature.subarray(32))];
  return Buffer.from([0x30, content.length, ...content]);
}

function secretOf({ jwk }: Workload): Buffer {
  return Buffer.from(jwk.k ?? "", "base64url");
}

function pair({ publicPem, privatePem }: Workload) {
  return { publicKey: crypto.createPublicKey(publicPem), privateKey: crypto.createPrivateKey(privatePem) };
}

/** The same RSA key with its PSS parameters inside. */
function pssPair(workload: Workload) {
  const { publicKey, privateKey } = pair(workload);
  const oid = "06092a864886f70d01010a";
  const sha256 = "300b0609608648016503040201";
  const mgf = `301806092a864886f70d010108${sha256}`;
  const parameters = `3030a00d${sha256}a11a${mgf}a203020120`;
  const identifier = Buffer.from(`303d${oid}${parameters}`, "hex");
  const wrap = (tag: number, body: Buffer) => {
    const length =
      body.length < 128
        ? [body.length]
        : body.length < 256
          ? [0x81, body.length]
          : [0x82, body.length >> 8, body.length & 255];
    return Buffer.concat([Buffer.from([tag, ...length]), body]);
  };
  const spki = wrap(
    0x30,
    Buffer.concat([
      identifier,
      wrap(3, Buffer.concat([Buffer.alloc(1), publicKey.export({ type: "pkcs1", format: "der" })])),
    ]),
  );
  const pkcs8 = wrap(
    0x30,
    Buffer.concat([
      Buffer.from("020100", "hex"),
      identifier,
      wrap(4, privateKey.export({ type: "pkcs1", format: "der" })),
    ]),
  );
  return {
    publicKey: crypto.createPublicKey({ key: spki, type: "spki", format: "der" }),
    privateKey: crypto.createPrivateKey({ key: pkcs8, type: "pkcs8", format: "der" }),
  };
}

const jose: Library = async (alg, { jwk }) => {
  const { importJWK, jwtVerify, SignJWT } = await import("jose");
  const key = (members: object) => importJWK({ kty: jwk.kty, alg, ext: true, ...members });
  const { kty: _kty, d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, use: _use, key_ops: _ops, ...publicMembers } = jwk;
  const { use: _privateUse, key_ops: _privateOps, ...privateMembers } = jwk;
  const publicKey = await key(publicMembers);
  const privateKey = await key(privateMembers);
  const options = { algorithms: [alg], issuer, audience, typ, requiredClaims: ["exp", "iat"] };
  return {
    verify: (token) => jwtVerify(token, publicKey, options),
    sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg, typ, kid }).sign(privateKey),
  };
};

const fastJwt: Library = async (alg, workload) => {
  const { createSigner, createVerifier } = await import("fast-jwt");
  const secret = secretOf(workload);
  const options = {
    key: alg === "HS256" ? secret : workload.publicPem,
    algorithms: [alg],
    allowedIss: issuer,
    allowedAud: audience,
  };
  return {
    verify: createVerifier({ ...options, cache: false }) as (token: string) => unknown,
    verifyCached: createVerifier({ ...options, cache: 10_000 }) as (token: string) => unknown,
    sign: createSigner({
      key: alg === "HS256" ? secret : workload.privatePem,
      algorithm: alg,
      kid,
      header: { typ },
    } as never) as (claims: Claims) => unknown,
  };
};

interface JsonWebToken {
  verify(token: string, key: crypto.KeyObject, options: object): unknown;
  sign(claims: Claims, key: crypto.KeyObject, options: object): unknown;
}

const jsonwebtoken: Library = (alg, workload) => {
  if (alg === "EdDSA") return undefined;
  const library = require("jsonwebtoken") as JsonWebToken;
  const secret = crypto.createSecretKey(secretOf(workload));
  const { publicKey, privateKey } = alg === "HS256" ? { publicKey: secret, privateKey: secret } : pair(workload);
  const options = { algorithms: [alg], issuer, audience };
  return {
    verify: (token) => library.verify(token, publicKey, options),
    sign: (claims) => library.sign(claims, privateKey, { algorithm: alg, keyid: kid, header: { typ } }),
  };
};

interface NodeRs {
  verifySync(token: string, key: string | Uint8Array, validation: object): unknown;
  signSync(claims: Claims, key: string | Uint8Array, header: object): unknown;
}

const nodeRs: Library = (alg, workload) => {
  const library = require("@node-rs/jsonwebtoken") as NodeRs;
  const secret = secretOf(workload);
  const validation = { algorithms: [alg], iss: [issuer], aud: [audience], leeway: 5 };
  return {
    verify: (token) => library.verifySync(token, alg === "HS256" ? secret : workload.publicPem, validation),
    sign: (claims) =>
      library.signSync(claims, alg === "HS256" ? secret : workload.privatePem, { algorithm: alg, keyId: kid }),
  };
};

interface HapiJwt {
  readonly token: {
    decode(token: string): { readonly decoded: { readonly payload: unknown } };
    verify(artifacts: unknown, secret: object, options: object): void;
    generate(claims: Claims, secret: object, options: object): unknown;
  };
}

const hapi: Library = (alg, workload) => {
  const { token: library } = require("@hapi/jwt") as HapiJwt;
  const secret = secretOf(workload);
  const verifyKey = { key: alg === "HS256" ? secret : workload.publicPem, algorithm: alg };
  const signKey = { key: alg === "HS256" ? secret : workload.privatePem, algorithm: alg };
  const options = { iss: issuer, aud: audience };
  return {
    verify(token) {
      const artifacts = library.decode(token);
      library.verify(artifacts, verifyKey, options);
      return artifacts.decoded.payload;
    },
    sign: (claims) => library.generate(claims, signKey, { header: { typ, kid } }),
  };
};

interface Njwt {
  createVerifier(): NjwtVerifier;
  create(
    claims: Claims,
    key: string | Buffer,
    alg: string,
  ): { setHeader(name: string, value: string): { compact(): string } };
}
interface NjwtVerifier {
  setSigningAlgorithm(alg: string): NjwtVerifier;
  setSigningKey(key: string | Buffer): NjwtVerifier;
  verify(token: string): unknown;
}

const njwt: Library = (alg, workload) => {
  if (alg === "EdDSA" || alg === "PS256") return undefined;
  const library = require("njwt") as Njwt;
  const verifier = library
    .createVerifier()
    .setSigningAlgorithm(alg)
    .setSigningKey(alg === "HS256" ? secretOf(workload) : workload.publicPem);
  const key = alg === "HS256" ? secretOf(workload) : workload.privatePem;
  return {
    verify: (token) => verifier.verify(token),
    sign: (claims) =>
      library
        .create({ ...claims }, key, alg)
        .setHeader("kid", kid)
        .compact(),
  };
};

export const subjects: Readonly<Record<LibraryName, Library>> = {
  latchkey,
  floor,
  jose,
  "fast-jwt": fastJwt,
  jsonwebtoken,
  "@node-rs/jsonwebtoken": nodeRs,
  "@hapi/jwt": hapi,
  njwt,
};
