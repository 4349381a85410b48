import { inspect } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import { createAwsKeyWrapper, createAwsSecret } from "../../src/adapters/aws/index.ts";
import { loadPackage } from "../../src/adapters/load-package.ts";
import { createKeySealer, openKeySealer } from "../../src/index.ts";
import { CREDENTIALS, REGION, startAws } from "./aws-service.ts";
import type { AwsService } from "./aws-service.ts";

const context = { purpose: "access-token", kid: "the-kid", alg: "ES256" };

/** As AWS's clients find it in the environment. */
async function startSignedIn(secretAccessKey = CREDENTIALS.secretAccessKey): Promise<AwsService> {
  const before = { ...process.env };
  process.env["AWS_ACCESS_KEY_ID"] = CREDENTIALS.accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = secretAccessKey;
  onTestFinished(() => void (process.env = before));
  return startAws();
}

const place = (aws: AwsService) => ({ region: REGION, endpoint: aws.url });

describe("OP-05: a master secret in AWS Secrets Manager", () => {
  it("is text or octets, read by AWS's own client with signed requests", async () => {
    const aws = await startSignedIn();
    const octets = new Uint8Array(32).fill(7);
    aws.secrets.set("latchkey/text", Buffer.from(octets).toString("base64"));
    aws.secrets.set("latchkey/octets", octets);
    const [text, binary] = await Promise.all(
      ["latchkey/text", "latchkey/octets"].map((secretId) =>
        openKeySealer([createAwsSecret({ secretId, ...place(aws) })]),
      ),
    );
    const sealed = await text?.seal(Buffer.from("a private key"), context);
    expect(Buffer.from((await binary?.open(sealed ?? "", context)) ?? "").toString()).toBe("a private key");
  });

  it("OP-03: is not made up where AWS refuses, has none, or is away; and the error holds no credentials", async () => {
    const aws = await startSignedIn("not-the-secret-access-key");
    const secret = createAwsSecret({ secretId: "latchkey", ...place(aws) });
    const refused: unknown = await secret.read().catch((reason: unknown) => reason);
    expect(refused).toMatchObject({
      name: "KeyServiceError",
      message:
        "AWS did not give the secret latchkey (InvalidSignatureException). Check the id, the region, the credentials and their policy.",
    });
    process.env["AWS_SECRET_ACCESS_KEY"] = CREDENTIALS.secretAccessKey;
    const none = createAwsSecret({ secretId: "nobody", ...place(aws) });
    await expect(none.read()).rejects.toThrow("ResourceNotFoundException");
    await aws.stop();
    const away: unknown = await none.read().catch((reason: unknown) => reason);
    for (const shown of [refused, away, secret]) {
      const text = `${inspect(shown, { depth: 20, showHidden: true })} ${JSON.stringify(shown)}`;
      expect(text).not.toMatch(/not-the-secret-access-key|wJalrXUtnFEMI|Signature=/);
    }
  });
});

describe("AWS KMS as the key service", () => {
  it("wraps data keys, with what each is for as the encryption context", async () => {
    const aws = await startSignedIn();
    const sealer = createKeySealer(createAwsKeyWrapper({ keyId: "alias/latchkey", ...place(aws) }));
    const sealed = await sealer.seal(Buffer.from("a private key"), context);
    expect(Buffer.from(await sealer.open(sealed, context)).toString()).toBe("a private key");
    await expect(sealer.open(sealed, { ...context, kid: "another" })).rejects.toThrow("InvalidCiphertextException");
    const unknown = createKeySealer(createAwsKeyWrapper({ keyId: "alias/nobody", ...place(aws) }));
    await expect(unknown.seal(Buffer.from("x"), context)).rejects.toThrow(
      "AWS did not encrypt with the key alias/nobody (NotFoundException)",
    );
  });
});

it("a client package that is not installed is named, with the command that installs it", async () => {
  const missing = "@aws-sdk/client-of-nothing";
  const load = loadPackage(missing, () => import(missing) as Promise<unknown>);
  await expect(load).rejects.toThrow(
    `The package ${missing} is needed for this and is not installed. Install it: npm install ${missing}`,
  );
});
