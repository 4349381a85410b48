import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { emptyDatabaseFolder, runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const ADA = { email: "ada@example.com", password: "correct horse battery staple" };
const FLAGS = ["--api-tokens", "--scope", "read:a", "--public-revocation-feed"];

interface Made {
  readonly token: string;
  readonly api_token: { readonly id: string };
}

async function post<Body>(url: string, body: object, token = ""): Promise<Body> {
  const headers = { "Content-Type": "application/json", ...(token !== "" && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Body;
}

describe("latchkey tokens, beside a running server", () => {
  it("lists a user's API tokens, and ends one, or all, which the revocation feed tells", async () => {
    const folder = temporaryFolder();
    const { url } = await startServe(folder, await freePort(), {}, FLAGS);
    await post(`${url}/auth/signup`, ADA);
    const { access_token: access } = await post<{ access_token: string }>(`${url}/auth/login`, ADA);
    const make = async (name: string) =>
      post<Made>(`${url}/auth/tokens`, { name, scope: "read:a", expires_in: 3_600 }, access);
    const [one, other] = [await make("first of all"), await make("second")];
    const told = async (): Promise<string> => {
      const { batches } = (await (await fetch(`${url}/revocations`)).json()) as { batches: string[] };
      return JSON.stringify(batches.map((batch) => decodeJwt(batch)["token"] ?? []));
    };

    const list = async (): Promise<string> => {
      const { code, stdout } = await runLatchkey(["tokens", "list", ADA.email, "--data", folder]);
      expect(code).toBe(0);
      return stdout;
    };
    const listing = await list();
    expect(listing).toContain(`${one.api_token.id}  first of all`);
    expect(listing).not.toContain("lk_api_");

    const revoke = async (...args: readonly string[]) => runLatchkey(["tokens", "revoke", ...args, "--data", folder]);
    expect(await revoke(one.api_token.id)).toMatchObject({ code: 0, stdout: `Revoked: ${one.api_token.id}\n` });
    await expect.poll(told, { timeout: 3_000 }).toContain(one.api_token.id);
    expect(await told()).not.toContain(other.api_token.id);
    expect(await revoke("--all-of", ADA.email)).toMatchObject({ code: 0, stdout: "Revoked: 1\n" });
    await expect.poll(told, { timeout: 3_000 }).toContain(other.api_token.id);
  }, 90_000);

  it("says so where there is no such token or user, or neither is named", async () => {
    const folder = await emptyDatabaseFolder();
    const revoke = async (...args: readonly string[]) => runLatchkey(["tokens", "revoke", ...args, "--data", folder]);
    const [unknown, dashed, nameless, nobody] = await Promise.all([
      revoke("none"),
      revoke("-hir2JLKrsOQTx8uid2_uN"),
      revoke(),
      revoke("--all-of", "eve@example.com"),
    ]);
    for (const one of [unknown, dashed]) {
      expect(one).toMatchObject({ code: 1, stderr: expect.stringContaining("no API token of that id") });
    }
    expect(nameless).toMatchObject({ code: 1, stderr: expect.stringContaining("--all-of") });
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining("no account") });
  }, 90_000);
});
