import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { createAzureKeyWrapper, createAzureSecret } from "../../src/adapters/azure/index.ts";
import { createKeySealer, openKeySealer } from "../../src/index.ts";
import { HSM, KEY, RSA_KEY, startAzure, VAULT } from "./azure-service.ts";

const context = { purpose: "access-token", kid: "the-kid", alg: "ES256" };

const masterSecret = Buffer.alloc(32, 7).toString("base64");

const SECRET = `https://${VAULT}/secrets/latchkey`;

describe("OP-05: a master secret in Azure Key Vault", () => {
  it("is its latest version or the one that is named, read by Azure's own client signed in as an app", async () => {
    const azure = await startAzure();
    azure.secrets.set("latchkey/", masterSecret);
    azure.secrets.set("latchkey/0123abcd", masterSecret);
    const [latest, named] = await Promise.all(
      [SECRET, `${SECRET}/0123abcd`].map((id) => openKeySealer([createAzureSecret({ id })])),
    );
    const sealed = await latest?.seal(Buffer.from("a private key"), context);
    expect(Buffer.from((await named?.open(sealed ?? "", context)) ?? "").toString()).toBe("a private key");
  });

  it("OP-03: is not made up where Azure refuses, has none, an empty one, or is away; and the error holds no token", async () => {
    const azure = await startAzure();
    const secret = createAzureSecret({ id: SECRET });
    const none: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(none).toMatchObject({
      name: "KeyServiceError",
      message: `Azure Key Vault did not give the secret ${SECRET} (SecretNotFound). Check the identifier, the credentials and their role.`,
    });
    azure.secrets.set("latchkey/", "");
    await expect(secret.read()).rejects.toThrow(`Azure's secret ${SECRET} is empty.`);
    azure.fault = { status: 403, body: { error: { code: "Forbidden", message: "hunter2" } } };
    const refused: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(refused).toMatchObject({ message: expect.stringContaining("(Forbidden)") as string });
    azure.fault = undefined;
    process.env["AZURE_CLIENT_SECRET"] = "not-the-client-secret";
    const stranger: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(stranger).toMatchObject({ message: expect.stringContaining("(AuthenticationError)") as string });
    await azure.stop();
    const away: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(away).toMatchObject({ name: "KeyServiceError" });
    const held = [...azure.tokens].map((token) => token.split(" ")[1] ?? "");
    expect(held.length).toBeGreaterThan(0);
    for (const shown of [none, refused, stranger, away, secret]) {
      const text = `${inspect(shown, { depth: 20, showHidden: true })} ${JSON.stringify(shown)}`;
      expect(text).not.toMatch(/hunter2|Bearer|not-the-client-secret/);
      for (const token of [azure.clientSecret, ...held]) expect(text).not.toContain(token);
    }
  });

  it("OP-03: is not waited for without end", async () => {
    const azure = await startAzure();
    azure.fault = "hang";
    await expect(createAzureSecret({ id: SECRET }).read()).rejects.toThrow("(AbortError)");
  });

  it("is asked for over TLS, and by its whole identifier", () => {
    const wrong = [
      `http://${VAULT}/secrets/latchkey`,
      `https://${VAULT}/keys/latchkey`,
      `https://${VAULT}`,
      "latchkey",
    ];
    for (const id of [...wrong, `https://user@${VAULT}/secrets/latchkey`, `${SECRET}/../other`]) {
      expect(() => createAzureSecret({ id })).toThrow("needs an identifier of one of its secrets");
    }
  });
});

describe("Azure Managed HSM as the key service", () => {
  it("wraps data keys, several at once too, which nothing else opens", async () => {
    await startAzure();
    const sealer = createKeySealer(createAzureKeyWrapper({ id: KEY }));
    const keys = ["a private key", "another", "a third"];
    const all = await Promise.all(keys.map((text) => sealer.seal(Buffer.from(text), context)));
    const opened = await Promise.all(all.map((text) => sealer.open(text, context)));
    expect(opened.map((bytes) => Buffer.from(bytes).toString())).toEqual(keys);
    const [sealed = ""] = all;
    await expect(sealer.open(sealed, { ...context, kid: "another" })).rejects.toThrow("is damaged");
    const forged = `${sealed.slice(0, sealed.lastIndexOf("."))}.${Buffer.alloc(40).toString("base64url")}`;
    await expect(sealer.open(forged, context)).rejects.toThrow(
      `Azure Key Vault did not unwrap with the key ${KEY} (BadParameter)`,
    );
  });

  it("is never an RSA key, whose public half anybody may have who writes to the database", async () => {
    await startAzure();
    const sealer = createKeySealer(createAzureKeyWrapper({ id: RSA_KEY }));
    await expect(sealer.seal(Buffer.from("x"), context)).rejects.toThrow("(BadParameter)");
  });

  it("OP-03: is asked again after it was away", async () => {
    const azure = await startAzure();
    const sealer = createKeySealer(createAzureKeyWrapper({ id: KEY }));
    azure.fault = { status: 503, body: {} };
    await expect(sealer.seal(Buffer.from("x"), context)).rejects.toThrow("Azure Key Vault did not wrap");
    azure.fault = undefined;
    expect(await sealer.seal(Buffer.from("x"), context)).toMatch(/^v2\./);
  });

  it("OP-03: that answers without a key has not wrapped one", async () => {
    const azure = await startAzure();
    const sealer = createKeySealer(createAzureKeyWrapper({ id: KEY }));
    await sealer.seal(Buffer.from("x"), context);
    azure.fault = { status: 200, body: { kid: KEY, value: "" } };
    await expect(sealer.seal(Buffer.from("x"), context)).rejects.toThrow(
      "Azure Key Vault answered without a wrapped key.",
    );
  });

  it("is named with its version", () => {
    expect(() => createAzureKeyWrapper({ id: `https://${HSM}/keys/latchkey` })).toThrow("needs a version of the key");
  });
});
