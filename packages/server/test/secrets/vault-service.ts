import type { KeyObject } from "node:crypto";
import { constants, createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes, sign } from "node:crypto";

import type { LoopbackService, Reply } from "./loopback-service.ts";
import { startService } from "./loopback-service.ts";

/** A key of the transit engine, with all its versions. */
type TransitKey =
  | { readonly type: "aes256-gcm96"; readonly versions: Buffer[] }
  | { readonly type: string; readonly versions: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }[] };

/** All that is asked has text members, and a number or two that need no care. */
type Body = Readonly<Record<string, string | undefined>>;

export interface VaultService extends LoopbackService {
  readonly rootToken: string;
  readonly roleId: string;
  readonly secretId: string;
  readonly tokens: Set<string>;
  /** In seconds, of tokens that AppRole gives. */
  leaseSeconds: number;
  refusesAppRole: boolean;
  readonly kv: Map<string, Record<string, unknown>>;
  readonly keys: Map<string, TransitKey>;
  rotate(key: string): void;
}

const errors = (...texts: string[]): { errors: string[] } => ({ errors: texts });

/** Vault's HTTP API as far as it is used: AppRole, KV version 2 at `secret`, transit at `transit`. */
export async function startVault(): Promise<VaultService> {
  const kv: VaultService["kv"] = new Map();
  const keys: VaultService["keys"] = new Map([["latchkey", { type: "aes256-gcm96", versions: [randomBytes(32)] }]]);
  const rootToken = `hvs.${randomBytes(18).toString("base64url")}`;
  const [roleId, secretId] = [crypto.randomUUID(), crypto.randomUUID()];
  const tokens = new Set([rootToken]);

  const service = await startService((request, text): Reply => {
    const path = decodeURIComponent((request.url ?? "").replace(/^\/v1\//, ""));
    const body = (text === "" ? {} : JSON.parse(text)) as Body;
    if (path === "auth/approle/login" && request.method === "POST") {
      if (vault.refusesAppRole || body["role_id"] !== roleId || body["secret_id"] !== secretId) {
        return { status: 400, body: errors(`invalid role or secret ID ${body["secret_id"]}`) };
      }
      const token = `hvs.${randomBytes(18).toString("base64url")}`;
      tokens.add(token);
      return {
        status: 200,
        body: { auth: { client_token: token, lease_duration: vault.leaseSeconds, renewable: true } },
      };
    }
    const token = request.headers["x-vault-token"];
    if (typeof token !== "string" || !tokens.has(token)) return { status: 403, body: errors("permission denied") };
    const [mount, verb = "", name = "", ...more] = path.split("/");
    if (mount === "secret" && verb === "data" && request.method === "GET") {
      const found = kv.get([name, ...more].join("/"));
      if (found === undefined) return { status: 404, body: errors() };
      return { status: 200, body: { data: { data: found, metadata: { version: 1 } } } };
    }
    if (mount !== "transit") return { status: 404, body: errors("no handler for route") };
    if (verb === "keys") return manageKey(request.method ?? "", name, more, body);
    const key = keys.get(name);
    if (key === undefined) return { status: 400, body: errors("encryption key not found") };
    if (request.method !== "POST") return { status: 405, body: errors("unsupported operation") };
    return useKey(key, verb, body, more);
  });

  const manageKey = (method: string, name: string, more: readonly string[], body: Body): Reply => {
    if (method === "POST" && more[0] === "config") return { status: 204 };
    if (method === "POST") {
      const type = body["type"] ?? "aes256-gcm96";
      if (!keys.has(name)) keys.set(name, { type, versions: [makeKey(type)] } as TransitKey);
    }
    if (method === "DELETE") {
      keys.delete(name);
      return { status: 204 };
    }
    const key = keys.get(name);
    if (key === undefined) return { status: 404, body: errors() };
    const versions = key.versions.map((version, index) => [
      String(index + 1),
      Buffer.isBuffer(version) ? 1_700_000_000 : { public_key: publicText(key.type, version.publicKey) },
    ]);
    const data = {
      name,
      type: key.type,
      keys: Object.fromEntries(versions) as object,
      latest_version: versions.length,
    };
    return { status: 200, body: { data } };
  };

  const vault: VaultService = Object.assign(service, {
    rootToken,
    roleId,
    secretId,
    tokens,
    leaseSeconds: 3_600,
    refusesAppRole: false,
    kv,
    keys,
    rotate(name: string) {
      const key = keys.get(name);
      if (key !== undefined) (key.versions as unknown[]).push(makeKey(key.type));
    },
  });
  return vault;
}

function makeKey(type: string): unknown {
  const curve = { "ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521" }[type];
  if (curve !== undefined) return generateKeyPairSync("ec", { namedCurve: curve });
  if (type === "ed25519") return generateKeyPairSync("ed25519");
  // Smaller than was asked for, to be quick.
  if (type.startsWith("rsa-")) return generateKeyPairSync("rsa", { modulusLength: 2_048 });
  return randomBytes(32);
}

/** As the transit engine shows it: PEM, but of Ed25519 the 32 octets in base64. */
function publicText(type: string, key: KeyObject): string {
  if (type === "ed25519") return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
  return key.export({ type: "spki", format: "pem" }).toString();
}

function useKey(key: TransitKey, verb: string, body: Body, more: readonly string[]): Reply {
  const bytes = (field: string): Buffer => Buffer.from(body[field] ?? "", "base64");
  const data = bytes("associated_data");
  if (key.type === "aes256-gcm96") {
    const versions = key.versions as Buffer[];
    if (verb === "encrypt") {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", versions.at(-1) ?? "", nonce).setAAD(data);
      const sealed = Buffer.concat([nonce, cipher.update(bytes("plaintext")), cipher.final(), cipher.getAuthTag()]);
      const ciphertext = `vault:v${versions.length}:${sealed.toString("base64")}`;
      return { status: 200, body: { data: { ciphertext, key_version: versions.length } } };
    }
    const [, version = "", text = ""] = /^vault:v(\d+):(.+)$/.exec(String(body["ciphertext"])) ?? [];
    const sealed = Buffer.from(text, "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", versions[Number(version) - 1] ?? "", sealed.subarray(0, 12))
        .setAAD(data)
        .setAuthTag(sealed.subarray(-16));
      const plaintext = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
      return { status: 200, body: { data: { plaintext: plaintext.toString("base64") } } };
    } catch {
      return { status: 400, body: errors("cipher: message authentication failed") };
    }
  }
  if (verb !== "sign") return { status: 400, body: errors(`key type ${key.type} does not support ${verb}`) };
  const versions = key.versions as { privateKey: KeyObject }[];
  const version = Number(body["key_version"] ?? 0) || versions.length;
  const signing = versions[version - 1];
  if (signing === undefined) return { status: 400, body: errors("invalid key version") };
  const signature = signBytes(key.type, signing.privateKey, bytes("input"), { hash: more[0], ...body });
  return { status: 200, body: { data: { signature: `vault:v${version}:${signature}`, key_version: version } } };
}

/** JWS marshaling is base64url of r ‖ s, and for ECDSA alone; all else is base64. */
function signBytes(type: string, key: KeyObject, input: Buffer, options: Body & { hash?: string | undefined }): string {
  if (type === "ed25519") return sign(null, input, key).toString("base64");
  const hash = (options.hash ?? "sha2-256").replace("sha2-", "sha");
  if (type.startsWith("ecdsa")) {
    const isJws = options["marshaling_algorithm"] === "jws";
    const signature = sign(hash, input, { key, dsaEncoding: isJws ? "ieee-p1363" : "der" });
    return signature.toString(isJws ? "base64url" : "base64");
  }
  // Vault's default is PSS with the longest salt.
  if (options["signature_algorithm"] === "pkcs1v15") return sign(hash, input, key).toString("base64");
  const saltLength =
    options["salt_length"] === "hash" ? constants.RSA_PSS_SALTLEN_DIGEST : constants.RSA_PSS_SALTLEN_MAX_SIGN;
  return sign(hash, input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }).toString("base64");
}
