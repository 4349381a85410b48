import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

import type { LoopbackService, Reply } from "./loopback-service.ts";
import { startService } from "./loopback-service.ts";

export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
export const REGION = "eu-central-1";

export interface AwsService extends LoopbackService {
  readonly secrets: Map<string, string | Uint8Array>;
}

const fault = (type: string): Reply => ({ status: 400, body: { __type: type, message: type } });

/** Secrets Manager's and KMS's JSON 1.1 protocol as far as it is used; requests must be signed (Signature Version 4). */
export async function startAws(): Promise<AwsService> {
  const secrets: AwsService["secrets"] = new Map();
  const kmsKeys = new Map([["alias/latchkey", randomBytes(32)]]);
  const service = await startService((request, text): Reply => {
    if (!isSigned(request, text)) return fault("InvalidSignatureException");
    const body = JSON.parse(text) as Record<string, string> & { EncryptionContext?: Record<string, string> };
    const target = String(request.headers["x-amz-target"]);
    if (target === "secretsmanager.GetSecretValue") {
      const value = secrets.get(body["SecretId"] ?? "");
      if (value === undefined) return fault("ResourceNotFoundException");
      const isText = typeof value === "string";
      const content = isText ? { SecretString: value } : { SecretBinary: Buffer.from(value).toString("base64") };
      return { status: 200, body: { Name: body["SecretId"], ...content } };
    }
    const key = kmsKeys.get(body["KeyId"] ?? "");
    if (key === undefined) return fault("NotFoundException");
    const context = Buffer.from(
      Object.entries(body.EncryptionContext ?? {})
        .map((pair) => pair.join("="))
        .toSorted()
        .join("\n"),
    );
    if (target === "TrentService.Encrypt") {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(context);
      const plaintext = Buffer.from(body["Plaintext"] ?? "", "base64");
      const blob = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      return { status: 200, body: { CiphertextBlob: blob.toString("base64"), KeyId: body["KeyId"] } };
    }
    if (target !== "TrentService.Decrypt") return fault("UnknownOperationException");
    const blob = Buffer.from(body["CiphertextBlob"] ?? "", "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, blob.subarray(0, 12))
        .setAAD(context)
        .setAuthTag(blob.subarray(-16));
      const plaintext = Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()]);
      return { status: 200, body: { Plaintext: plaintext.toString("base64"), KeyId: body["KeyId"] } };
    } catch {
      return fault("InvalidCiphertextException");
    }
  });
  return Object.assign(service, { secrets });
}

function isSigned(request: IncomingMessage, body: string): boolean {
  const [, scope = "", names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    ) ?? [];
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const headers = names.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, "/", "", headers.join(""), names, hash(body)].join("\n");
  const signed = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hash(canonical)].join("\n");
  const key = scope
    .split("/")
    .reduce<string | Buffer>(
      (before, part) => createHmac("sha256", before).update(part).digest(),
      `AWS4${CREDENTIALS.secretAccessKey}`,
    );
  return signature === createHmac("sha256", key).update(signed).digest("hex");
}
