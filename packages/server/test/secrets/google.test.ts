import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import { createGoogleKeyWrapper, createGoogleSecret } from "../../src/adapters/google/index.ts";
import { createKeySealer, openKeySealer } from "../../src/index.ts";
import { KEY, startGoogle } from "./google-service.ts";
import type { GoogleService } from "./google-service.ts";

const context = { purpose: "access-token", kid: "the-kid", alg: "ES256" };

const masterSecret = Buffer.alloc(32, 7).toString("base64");

/** As Google's clients find a service account's key: in a file that the environment names. */
function signIn(credentials: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-google-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "credentials.json");
  writeFileSync(path, JSON.stringify(credentials), { mode: 0o600 });
  const before = process.env["GOOGLE_APPLICATION_CREDENTIALS"];
  process.env["GOOGLE_APPLICATION_CREDENTIALS"] = path;
  onTestFinished(() => {
    delete process.env["GOOGLE_APPLICATION_CREDENTIALS"];
    if (before !== undefined) process.env["GOOGLE_APPLICATION_CREDENTIALS"] = before;
  });
}

async function startSignedIn(): Promise<GoogleService> {
  const google = await startGoogle();
  signIn(google.credentials);
  return google;
}

describe("OP-05: a master secret in Google Secret Manager", () => {
  it("is text, of the latest version or of the one that is named, read by Google's own client", async () => {
    const google = await startSignedIn();
    google.secrets.set("projects/mine/secrets/latchkey/versions/latest", `${masterSecret}\n`);
    google.secrets.set("projects/mine/secrets/latchkey/versions/3", masterSecret);
    const [latest, third] = await Promise.all(
      ["projects/mine/secrets/latchkey", "projects/mine/secrets/latchkey/versions/3"].map((secret) =>
        openKeySealer([createGoogleSecret({ secret, endpoint: google.url })]),
      ),
    );
    const sealed = await latest?.seal(Buffer.from("a private key"), context);
    expect(Buffer.from((await third?.open(sealed ?? "", context)) ?? "").toString()).toBe("a private key");
  });

  it("OP-03: is not made up where Google refuses, has none, an empty one, or is away; and the error holds no credentials", async () => {
    const google = await startSignedIn();
    const secret = createGoogleSecret({ secret: "projects/mine/secrets/latchkey", endpoint: google.url });
    const none: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(none).toMatchObject({
      name: "KeyServiceError",
      message:
        "Google Cloud did not give the secret projects/mine/secrets/latchkey (NOT_FOUND). " +
        "Check the name, the application default credentials and their roles.",
    });
    google.secrets.set("projects/mine/secrets/latchkey/versions/latest", "");
    await expect(secret.read()).rejects.toThrow("Google's secret projects/mine/secrets/latchkey is empty.");
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const another = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    signIn({ ...google.credentials, private_key: another });
    const refused: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(refused).toMatchObject({ message: expect.stringContaining("(UNAUTHENTICATED)") as string });
    await google.stop();
    const away: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(away).toMatchObject({ message: expect.stringContaining("(UNAVAILABLE)") as string });
    for (const shown of [none, refused, away, secret]) {
      const text = `${inspect(shown, { depth: 20, showHidden: true })} ${JSON.stringify(shown)}`;
      expect(text).not.toMatch(/PRIVATE KEY|Bearer|eyJ/);
    }
  });

  it("OP-03: is not waited for without end", async () => {
    const google = await startSignedIn();
    google.fault = "hang";
    const secret = createGoogleSecret({ secret: "projects/mine/secrets/latchkey", endpoint: google.url });
    await expect(secret.read()).rejects.toThrow("(DEADLINE_EXCEEDED)");
  });

  it("is asked for over TLS, but on loopback, and by its whole name", () => {
    const secret = "projects/mine/secrets/latchkey";
    expect(() => createGoogleSecret({ secret, endpoint: "http://secrets.example.com" })).toThrow(
      "must be an https: URL",
    );
    for (const wrong of ["latchkey", "projects/mine/secrets", `${secret}/versions`, `${secret}/../other`]) {
      expect(() => createGoogleSecret({ secret: wrong })).toThrow("google-sm: needs a secret's name");
    }
  });
});

describe("Google Cloud KMS as the key service", () => {
  it("wraps data keys, with what each is for as additional data, and opens them after its key was rotated", async () => {
    const google = await startSignedIn();
    const sealer = createKeySealer(createGoogleKeyWrapper({ key: KEY, endpoint: google.url }));
    const sealed = await sealer.seal(Buffer.from("a private key"), context);
    google.rotate();
    expect(Buffer.from(await sealer.open(sealed, context)).toString()).toBe("a private key");
    await expect(sealer.open(sealed, { ...context, kid: "another" })).rejects.toThrow(
      `Google Cloud did not decrypt with the key ${KEY} (INVALID_ARGUMENT)`,
    );
    const unknown = createKeySealer(createGoogleKeyWrapper({ key: `${KEY}-of-nobody`, endpoint: google.url }));
    await expect(unknown.seal(Buffer.from("x"), context)).rejects.toThrow("(NOT_FOUND)");
    expect(() => createGoogleKeyWrapper({ key: `${KEY}/cryptoKeyVersions/1` })).toThrow(
      "google-kms: needs a key's name",
    );
  });

  it("OP-03: is asked again after credentials were missing", async () => {
    const google = await startGoogle();
    const sealer = createKeySealer(createGoogleKeyWrapper({ key: KEY, endpoint: google.url }));
    signIn({ type: "nothing that Google gives out" });
    await expect(sealer.seal(Buffer.from("x"), context)).rejects.toThrow("(no credentials were found)");
    signIn(google.credentials);
    expect(await sealer.seal(Buffer.from("x"), context)).toMatch(/^v2\./);
  });

  it("OP-03: that answers without a key has not wrapped one", async () => {
    const google = await startSignedIn();
    const sealer = createKeySealer(createGoogleKeyWrapper({ key: KEY, endpoint: google.url }));
    google.fault = { status: 200, body: {} };
    await expect(sealer.seal(Buffer.from("x"), context)).rejects.toThrow("Google Cloud KMS answered without a key.");
  });
});
