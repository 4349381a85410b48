import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { startServe, temporaryFolder } from "./serve-process.ts";

const ROUNDS = 5;
const CLIENTS = 4;

interface Holder {
  token: string;
  generation: number;
  refreshes: number;
  ended: string | undefined;
}

it("kill -9 in a stream of refreshes, and a restart: every client goes on", async () => {
  const [folder, port] = [temporaryFolder(), await freePort()];
  let server = await startServe(folder, port);
  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${server.url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers },
    });

  const credentials = { email: "ada@example.com", password: "correct horse battery staple" };
  expect((await post("/auth/signup", credentials)).status).toBe(201);
  const holders = await Promise.all(
    Array.from({ length: CLIENTS }, async (): Promise<Holder> => {
      const session = (await (await post("/auth/login", credentials)).json()) as { refresh_token: string };
      return { token: session.refresh_token, generation: 0, refreshes: 0, ended: undefined };
    }),
  );

  let running = true;
  /** An honest client: one attempt key a generation, asked again until there is an answer. */
  const refreshForEver = async (holder: Holder, name: number): Promise<void> => {
    while (running) {
      const keys = [0, 1, 2, 3]
        .filter((age) => age <= holder.generation)
        .map((age) => `client-${name}-generation-${holder.generation - age}`);
      try {
        const answer = await post(
          "/auth/refresh",
          { refresh_token: holder.token },
          { "Latchkey-Attempt": keys.join(",") },
        );
        const body = (await answer.json()) as { refresh_token?: string; error?: string };
        if (body.refresh_token === undefined) {
          holder.ended = `${answer.status} ${body.error}`;
          return;
        }
        holder.token = body.refresh_token;
        holder.generation += 1;
        holder.refreshes += 1;
      } catch {
        // The server is down, or died with our answer: ask again, with the same token and the same key.
        await sleep(20);
      }
    }
  };
  const clients = holders.map(refreshForEver);

  for (let round = 0; round < ROUNDS; round++) {
    const before = holders.map((holder) => holder.refreshes);
    await expect
      .poll(() => holders.every((holder, n) => holder.refreshes > (before[n] ?? 0) + 20), { timeout: 20_000 })
      .toBe(true);
    server.child.kill("SIGKILL");
    await once(server.child, "exit");
    server = await startServe(folder, port);
  }
  const before = holders.map((holder) => holder.refreshes);
  await expect
    .poll(() => holders.every((holder, n) => holder.refreshes > (before[n] ?? 0)), { timeout: 20_000 })
    .toBe(true);
  running = false;
  await Promise.all(clients);

  expect(holders.map((holder) => holder.ended)).toEqual(holders.map(() => undefined));
}, 120_000);
