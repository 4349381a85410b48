import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { generate } from "selfsigned";
import { onTestFinished } from "vitest";

import type { LoopbackService, Reply } from "./loopback-service.ts";
import { startService } from "./loopback-service.ts";

const LOGIN = "login.microsoftonline.com";
const TENANT = "11111111-2222-3333-4444-555555555555";
const CLIENT = "66666666-7777-8888-9999-000000000000";

export const VAULT = "mine.vault.azure.net";
export const HSM = "mine.managedhsm.azure.net";
export const KEY = `https://${HSM}/keys/latchkey/0123456789abcdef0123456789abcdef`;
/** In the vault, whose keys are RSA. */
export const RSA_KEY = `https://${VAULT}/keys/latchkey/0123456789abcdef0123456789abcdef`;

export interface AzureService extends LoopbackService {
  /** By path: `latchkey/` for the latest version, `latchkey/VERSION`. */
  readonly secrets: Map<string, string>;
  /** An app's, by which Azure's clients find it in the environment. */
  readonly clientSecret: string;
  readonly tokens: Set<string>;
}

const fault = (status: number, code: string): Reply => ({ status, body: { error: { code, message: code } } });

/**
 * Entra ID's sign-in of an app, and Key Vault's and Managed HSM's REST API, as far as they are used: under their own names over TLS, behind a proxy
 * that the environment names.
 */
export async function startAzure(): Promise<AzureService> {
  const secrets: AzureService["secrets"] = new Map();
  const tokens: AzureService["tokens"] = new Set();
  const key = randomBytes(32);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

  const clientSecret = randomBytes(30).toString("base64url");

  const names = [LOGIN, VAULT, HSM];
  const pems = await generate([{ name: "commonName", value: "Azure on loopback" }], {
    keyType: "ec",
    extensions: [{ name: "subjectAltName", altNames: names.map((value) => ({ type: 2, value })) }],
  });
  const signIn = (path: string, form: URLSearchParams): Reply => {
    const authority = `https://${LOGIN}/${TENANT}`;
    if (path.startsWith(`/${TENANT}/v2.0/.well-known/openid-configuration`)) {
      const endpoints = {
        token_endpoint: `${authority}/oauth2/v2.0/token`,
        authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
        jwks_uri: `${authority}/discovery/v2.0/keys`,
      };
      return { status: 200, body: { issuer: `${authority}/v2.0`, ...endpoints } };
    }
    if (!path.startsWith(`/${TENANT}/oauth2/v2.0/token`)) return fault(404, "NotFound");
    const [, resource] = /^(https:\/\/\S+)\/\.default\b/.exec(form.get("scope") ?? "") ?? [];
    const isKnown = form.get("client_id") === CLIENT && form.get("client_secret") === clientSecret;
    if (form.get("grant_type") !== "client_credentials" || resource === undefined || !isKnown) {
      return {
        status: 401,
        body: { error: "invalid_client", error_description: "AADSTS7000215: Invalid client secret." },
      };
    }
    const token = randomBytes(24).toString("base64url");
    tokens.add(`${resource} ${token}`);
    return { status: 200, body: { token_type: "Bearer", expires_in: 3_599, access_token: token } };
  };

  const service = await startService(
    (request, text): Reply => {
      const host = request.headers.host ?? "";
      if (host === LOGIN) return signIn(request.url ?? "", new URLSearchParams(text));
      const resource = `https://${host.slice(host.indexOf(".") + 1)}`;
      const [, token = ""] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "") ?? [];
      if (!tokens.has(`${resource} ${token}`)) {
        const challenge = `Bearer authorization="https://${LOGIN}/${TENANT}", resource="${resource}"`;
        return { ...fault(401, "Unauthorized"), headers: { "WWW-Authenticate": challenge } };
      }
      const url = new URL(request.url ?? "", `https://${host}`);
      if (!url.searchParams.has("api-version")) return fault(400, "BadParameter");
      const [, secret] = /^\/secrets\/(.+)$/.exec(url.pathname) ?? [];
      if (host === VAULT && secret !== undefined) {
        const value = secrets.get(secret);
        if (value === undefined) return fault(404, "SecretNotFound");
        return { status: 200, body: { value, id: String(url), attributes: { enabled: true } } };
      }
      const [, kid, verb] = /^(\/keys\/[^/]+\/[^/]+)(?:\/(\w+))?$/.exec(url.pathname) ?? [];
      if (kid === undefined || kid !== new URL(KEY).pathname) return fault(404, "KeyNotFound");
      if (verb === undefined) return fault(403, "Forbidden");
      const { alg, value = "" } = JSON.parse(text) as Readonly<Record<string, string>>;
      const given = Buffer.from(value, "base64url");
      if (host === VAULT && alg === "RSA-OAEP-256" && verb === "wrapkey") {
        const padded = { key: rsa.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
        return { status: 200, body: { kid: RSA_KEY, value: publicEncrypt(padded, given).toString("base64url") } };
      }
      if (host !== HSM || alg !== "A256KW") return fault(400, "BadParameter");
      const iv = Buffer.alloc(8, 0xa6);
      const cipher =
        verb === "wrapkey" ? createCipheriv("id-aes256-wrap", key, iv) : createDecipheriv("id-aes256-wrap", key, iv);
      try {
        const result = Buffer.concat([cipher.update(given), cipher.final()]);
        return { status: 200, body: { kid: KEY, value: result.toString("base64url") } };
      } catch {
        return fault(400, "BadParameter");
      }
    },
    { key: pems.private, cert: pems.cert },
  );

  const certificates = getCACertificates();
  setDefaultCACertificates([...certificates, pems.cert]);
  onTestFinished(() => setDefaultCACertificates(certificates));
  const environment = {
    HTTPS_PROXY: await startProxy(names, Number(new URL(service.url).port)),
    AZURE_TENANT_ID: TENANT,
    AZURE_CLIENT_ID: CLIENT,
    AZURE_CLIENT_SECRET: clientSecret,
  };
  const before = { ...process.env };
  Object.assign(process.env, environment);
  onTestFinished(() => void (process.env = before));
  return Object.assign(service, { secrets, clientSecret, tokens });
}

/** Leads to the port whoever asks for one of the names. */
async function startProxy(names: readonly string[], port: number): Promise<string> {
  const sockets = new Set<Socket>();
  const proxy = createServer().on("connect", (request: { url?: string }, client: Socket) => {
    if (!names.some((name) => request.url === `${name}:443`)) return client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const target = connect(port, "127.0.0.1", () => client.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from
        .on("error", () => to.destroy())
        .on("close", () => to.destroy())
        .pipe(to);
    }
    return undefined;
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
