import type { KeyObject } from "node:crypto";
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes, verify } from "node:crypto";

import type { LoopbackService, Reply } from "./loopback-service.ts";
import { startService } from "./loopback-service.ts";

export const KEY = "projects/mine/locations/europe/keyRings/mine/cryptoKeys/latchkey";

const EMAIL = "latchkey@mine.iam.gserviceaccount.com";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

export interface GoogleService extends LoopbackService {
  /** A service account's key file, as Google gives it out. */
  readonly credentials: Readonly<Record<string, string>>;
  /** By the version's name. */
  readonly secrets: Map<string, string>;
  /** As its key is rotated: the new version encrypts, all decrypt. */
  rotate(): void;
}

const fault = (code: number, status: string): Reply => ({
  status: code,
  body: { error: { code, status, message: status } },
});

/** Secret Manager's and Cloud KMS's REST API as far as it is used; requests bear what a service account signed itself (AIP-4111). */
export async function startGoogle(): Promise<GoogleService> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const credentials = {
    type: "service_account",
    project_id: "mine",
    private_key_id: randomBytes(20).toString("hex"),
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    client_email: EMAIL,
    token_uri: "https://oauth2.googleapis.com/token",
  };
  const secrets: GoogleService["secrets"] = new Map();
  const versions = [randomBytes(32)];

  const service = await startService((request, text): Reply => {
    if (!isSigned(request.headers.authorization, publicKey)) return fault(401, "UNAUTHENTICATED");
    const [, name = "", verb] = /^\/v1\/([^:?]+):(\w+)(?:\?|$)/.exec(request.url ?? "") ?? [];
    if (request.method === "GET" && verb === "access") {
      const value = secrets.get(name);
      if (value === undefined) return fault(404, "NOT_FOUND");
      return { status: 200, body: { name, payload: { data: Buffer.from(value).toString("base64") } } };
    }
    if (request.method !== "POST" || (verb !== "encrypt" && verb !== "decrypt")) return fault(404, "NOT_FOUND");
    if (name !== KEY) return fault(404, "NOT_FOUND");
    const body = JSON.parse(text) as Readonly<Record<string, string>>;
    const bytes = (field: string): Buffer => Buffer.from(body[field] ?? "", "base64");
    if (verb === "encrypt") {
      const nonce = randomBytes(12);
      const version = versions.length - 1;
      const cipher = createCipheriv("aes-256-gcm", versions[version] ?? "", nonce).setAAD(
        bytes("additionalAuthenticatedData"),
      );
      const sealed = [cipher.update(bytes("plaintext")), cipher.final(), cipher.getAuthTag()];
      const ciphertext = Buffer.concat([Buffer.of(version), nonce, ...sealed]).toString("base64");
      return { status: 200, body: { name: `${name}/cryptoKeyVersions/${version + 1}`, ciphertext } };
    }
    const sealed = bytes("ciphertext");
    try {
      const decipher = createDecipheriv("aes-256-gcm", versions[sealed[0] ?? 0] ?? "", sealed.subarray(1, 13))
        .setAAD(bytes("additionalAuthenticatedData"))
        .setAuthTag(sealed.subarray(-16));
      const plaintext = Buffer.concat([decipher.update(sealed.subarray(13, -16)), decipher.final()]);
      return { status: 200, body: { plaintext: plaintext.toString("base64") } };
    } catch {
      return fault(400, "INVALID_ARGUMENT");
    }
  });
  return Object.assign(service, { credentials, secrets, rotate: () => void versions.push(randomBytes(32)) });
}

function isSigned(authorization: string | undefined, publicKey: KeyObject): boolean {
  const [, header = "", payload = "", signature = ""] =
    /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization ?? "") ?? [];
  const isGenuine = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    publicKey,
    Buffer.from(signature, "base64url"),
  );
  if (!isGenuine) return false;
  const { iss, sub, scope, exp } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Readonly<
    Record<string, unknown>
  >;
  const isGranted = String(scope).split(" ").includes(SCOPE);
  return iss === EMAIL && sub === EMAIL && isGranted && typeof exp === "number" && exp > Date.now() / 1_000;
}
