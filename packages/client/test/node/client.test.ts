import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { ATTEMPT_HEADER } from "@latchkey/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Client } from "../../src/client.ts";
import { createClient } from "../../src/node/create-client.ts";
import { createFileStore } from "../../src/node/file-store.ts";
import { getUser, listSessions } from "../../src/node/index.ts";
import { USER } from "../world/authority.ts";
import type { AuthorityOverHttp } from "./authority-over-http.ts";
import { openAuthorityOverHttp } from "./authority-over-http.ts";

let authority: AuthorityOverHttp;
let parent: string;
let folder: string;
let clients: Client[];
beforeEach(async () => {
  authority = await openAuthorityOverHttp();
  parent = mkdtempSync(join(tmpdir(), "latchkey-node-client-"));
  folder = join(parent, "credentials");
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await authority.close();
  rmSync(parent, { recursive: true });
});

/** A client as another process of the same user would make it. */
function openClient(issuer = authority.issuer): Client {
  const client = createClient({ issuer, store: createFileStore({ folder }) });
  clients.push(client);
  return client;
}

function readFile(): string {
  const [name = ""] = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return readFileSync(join(folder, name), "utf8");
}

/** How many refreshes reach the authority from now on. */
function countRefreshes(): () => number {
  let count = 0;
  authority.intercept = async (request) => {
    if (request.url.endsWith("/auth/refresh")) count += 1;
    return undefined;
  };
  return () => count;
}

describe("a program's client", () => {
  it("signs in, calls APIs, and signs out; other processes share session and access token without asking", async () => {
    const first = openClient();
    expect(await first.start()).toEqual({ status: "signed-out" });
    const session = await first.signIn(USER);
    const refreshes = countRefreshes();

    const second = openClient();
    expect(second.getState()).toMatchObject({ status: "fresh", session: { id: session.id, generation: 0 } });
    expect(await second.getAccessToken()).toBe(await first.getAccessToken());
    expect(await getUser(second)).toMatchObject({ email: USER.email });
    expect((await second.fetch(`${authority.issuer}/auth/me`)).status).toBe(200);
    expect(refreshes()).toBe(0);

    expect(await second.refresh()).toMatchObject({ status: "fresh", session: { generation: 1 } });
    // The others find the new token at their next call.
    expect(await first.getAccessToken()).toBe(await second.getAccessToken());
    expect(first.getSession()?.generation).toBe(1);
    expect(refreshes()).toBe(1);

    expect(await first.signOut()).toEqual({ confirmed: true });
    await expect(second.getAccessToken()).rejects.toMatchObject({ code: "signed_out" });
    expect(second.getState()).toEqual({ status: "signed-out" });
    expect(readFile()).not.toContain("token");
  });

  it("writes the attempt key to the file before it sends the request", async () => {
    const client = openClient();
    await client.signIn(USER);
    const seen: { readonly sent: string | null; readonly stored: unknown }[] = [];
    authority.intercept = async (request) => {
      const stored = (JSON.parse(readFile()) as { readonly attempt_keys: unknown }).attempt_keys;
      seen.push({ sent: request.headers.get(ATTEMPT_HEADER), stored });
      return undefined;
    };
    await client.refresh();
    expect(seen).toHaveLength(1);
    expect(seen[0]?.sent).toMatch(/^gen-0-[0-9a-v]{26}$/);
    expect(seen[0]?.stored).toEqual([seen[0]?.sent]);
  });

  it("goes on from an answer that never came, in another process, under the same key", async () => {
    const first = openClient();
    await first.signIn(USER);
    const keys: (string | null)[] = [];
    authority.intercept = async (request) => {
      keys.push(request.headers.get(ATTEMPT_HEADER));
      if (keys.length > 1) return undefined;
      // The authority has rotated; nobody hears of it.
      await authority.server.fetch(request);
      return new Response(null, { status: 504 });
    };
    expect(await first.refresh()).toMatchObject({ status: "offline" });
    first.close();
    expect(await openClient().refresh()).toMatchObject({ status: "fresh", session: { generation: 1 } });
    expect(keys[0]).not.toBeNull();
    expect(keys[1]).toBe(keys[0]);
  });

  it("takes what another process has put into the store meanwhile for newer than a late answer", async () => {
    const [first, second] = [openClient(), openClient()];
    await first.signIn(USER);
    await second.getAccessToken();
    let held: (() => void) | undefined;
    authority.intercept = async (request) => {
      if (held !== undefined) return undefined;
      const late = Promise.withResolvers<void>();
      held = late.resolve;
      const answer = await authority.server.fetch(request);
      await late.promise;
      return answer;
    };
    const slow = first.refresh();
    while (held === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    // The lock is held by a process that waits; nobody waits for it for ever.
    const others = createClient({
      issuer: authority.issuer,
      store: { ...createFileStore({ folder }), runExclusive: (work) => work() },
    });
    clients.push(others);
    expect(await others.refresh()).toMatchObject({ session: { generation: 1 } });
    expect(await others.refresh()).toMatchObject({ session: { generation: 2 } });
    held();
    expect(await slow).toMatchObject({ status: "fresh", session: { generation: 2 } });
    expect(await first.getAccessToken()).toBe(await others.getAccessToken());
  });

  it("brings no session back with a late answer after a sign-out in another process", async () => {
    const [first, second] = [openClient(), openClient()];
    await first.signIn(USER);
    let answered: (() => void) | undefined;
    authority.intercept = async (request) => {
      if (!request.url.endsWith("/auth/refresh")) return undefined;
      const signedOut = Promise.withResolvers<void>();
      answered = signedOut.resolve;
      const answer = await authority.server.fetch(request);
      await signedOut.promise;
      return answer;
    };
    const late = first.refresh();
    while (answered === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const signOut = second.signOut();
    answered();
    expect(await late).toEqual({ status: "signed-out" });
    expect(await signOut).toEqual({ confirmed: true });
    expect(openClient().getState()).toEqual({ status: "signed-out" });
  });

  it("is signed in as whoever another process has signed in since, and leaves no old session behind", async () => {
    const grace = { email: "grace@example.com", password: "another long passphrase" };
    const [first, second] = [openClient(), openClient()];
    await first.signUp(grace);
    await first.signIn(USER);
    const adas = await first.getAccessToken();
    await second.getAccessToken();
    await second.signIn(grace);
    expect(await getUser(first)).toMatchObject({ email: grace.email });
    const answer = await fetch(`${authority.issuer}/auth/me`, { headers: { Authorization: `Bearer ${adas}` } });
    expect(answer.status).toBe(401);
    expect(await listSessions(first)).toHaveLength(1);
  });

  it("ends where the authority says that the session has ended, and on nothing else", async () => {
    const client = openClient();
    await client.signIn(USER);
    for (const answer of [
      () => new Response("<html>", { status: 200 }),
      () => new Response(null, { status: 401 }),
      () => new Response(null, { status: 502 }),
      () => Response.json({ error: "rate_limited" }, { status: 429 }),
    ]) {
      authority.intercept = async () => answer();
      expect((await client.refresh()).status).toBe("offline");
      expect(readFile()).toContain("refresh_token");
    }
    authority.intercept = async () => Response.json({ error: "session_ended" }, { status: 401 });
    expect(await client.refresh()).toEqual({ status: "ended", reason: "session_ended" });
    expect(openClient().getState()).toEqual({ status: "signed-out" });
  });

  it("sends nobody else the token, and takes no other authority's session for its own", async () => {
    const client = openClient();
    await client.signIn(USER);
    const other = await openAuthorityOverHttp();
    try {
      let authorization: string | null | undefined;
      other.intercept = async (request) => {
        authorization = request.headers.get("Authorization");
        return undefined;
      };
      await client.fetch(`${other.issuer}/auth/me`);
      expect(authorization).toBeNull();
      expect(openClient(other.issuer).getState()).toEqual({ status: "signed-out" });
    } finally {
      await other.close();
    }
  });

  it("shows no token to whoever prints it, or listens", async () => {
    const client = openClient();
    const events: unknown[] = [];
    client.subscribe((event) => events.push(event));
    await client.signIn(USER);
    await client.refresh();
    const stored = JSON.parse(readFile()) as { readonly refresh_token: string };
    const shown = inspect([client, events, client.getState()], { depth: 9 }) + JSON.stringify([client, events]);
    expect(shown).toContain(USER.email);
    expect(shown).not.toContain(stored.refresh_token);
    expect(shown).not.toContain(await client.getAccessToken());
  });

  it("lets a process end by itself that has a token and nothing else to do", async () => {
    await openClient().signIn(USER);
    const module = new URL("../../src/node/index.ts", import.meta.url).href;
    const program = `
      import { createClient, createFileStore } from ${JSON.stringify(module)};
      const [issuer, folder] = process.argv.slice(1);
      const client = createClient({ issuer, store: createFileStore({ folder }) });
      await client.refresh();
      console.log((await client.getAccessToken()).length > 0);
    `;
    const child = spawn(
      process.execPath,
      ["--conditions=@latchkey/source", "--input-type=module", "-e", program, authority.issuer, folder],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [code] = (await once(child, "exit")) as [number | null];
    clearTimeout(timer);
    expect({ code, output }).toEqual({ code: 0, output: "true\n" });
  });
});
