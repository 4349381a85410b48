import { expect, it, onTestFinished } from "vitest";

import { createDpopClient } from "../dpop-client.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { describeOnRedis, shareRedis } from "../stores/redis-test-server.ts";
import type { NodeOrder } from "./authority-node.ts";
import { startNode } from "./authority-nodes.ts";

const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };

async function post(node: string, path: string, body: object, proof?: string): Promise<Response> {
  return fetch(node + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...(proof !== undefined && { DPoP: proof }) },
  });
}

/** Two nodes in processes of their own, and a session bound to a key on one of them. */
async function twoNodes(order: Omit<NodeOrder, "lifetimeMs">) {
  const nodes = [await startNode(order), await startNode(order)] as const;
  const client = await createDpopClient(() => Math.floor(Date.now() / 1000));
  const prove = async (path: string, claims: object = {}) => (await client.prove("POST", path, { claims })).DPoP;
  await post(nodes[0], "/auth/signup", CREDENTIALS);
  const answer = await post(nodes[0], "/auth/login", CREDENTIALS, await prove("/auth/login"));
  expect(answer.status).toBe(200);
  const { refresh_token: refreshToken } = (await answer.json()) as { refresh_token: string };
  const refresh = (node: string, token: string, proof: string) =>
    post(node, "/auth/refresh", { refresh_token: token }, proof);
  return { nodes, prove, refresh, refreshToken };
}

async function expectNodesToAgree(order: Omit<NodeOrder, "lifetimeMs">): Promise<void> {
  const { nodes, prove, refresh, refreshToken } = await twoNodes(order);

  // One proof at all nodes at once: it counts once.
  for (let round = 0; round < 5; round++) {
    const proof = await prove("/auth/refresh");
    const answers = await Promise.all([...nodes, ...nodes].map((node) => refresh(node, refreshToken, proof)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: "invalid_dpop_proof" }]);
    }
  }

  // Proofs of their own at all nodes at once: all get the live token.
  const proofs = await Promise.all(Array.from({ length: 10 }, () => prove("/auth/refresh")));
  const answers = await Promise.all(
    proofs.map((proof, index) => refresh(nodes[index % 2 === 0 ? 0 : 1], refreshToken, proof)),
  );
  const bodies = await Promise.all(answers.map((answer) => answer.json() as Promise<{ refresh_token?: string }>));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(new Set(bodies.map((body) => body.refresh_token)).size).toBe(1);

  // A nonce of one node is good at the other.
  const asked = await refresh(nodes[0], refreshToken, await prove("/auth/refresh", { iat: 1_000 }));
  expect([asked.status, await asked.json()]).toMatchObject([400, { error: "use_dpop_nonce" }]);
  const nonce = asked.headers.get("dpop-nonce") ?? "";
  expect((await refresh(nodes[1], refreshToken, await prove("/auth/refresh", { iat: 1_000, nonce }))).status).toBe(200);
}

describeOnPostgres("two nodes on one PostgreSQL", () => {
  it("G-01 DP-03: take a proof once between them, and each other's nonces", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    await expectNodesToAgree({ postgresUrl: database.url });
  });
});

const redis = shareRedis();

describeOnPostgres("two nodes with accounts in one PostgreSQL", () => {
  describeOnRedis("and sessions in one Redis", () => {
    it("G-01 DP-03: take a proof once between them, and each other's nonces", async () => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      const place = await redis();
      onTestFinished(() => place.drop());
      await expectNodesToAgree({ postgresUrl: database.url, redis: place.options });
    });
  });
});
