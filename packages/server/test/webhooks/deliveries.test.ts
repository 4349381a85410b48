import { spawn } from "node:child_process";
import { generateKeyPairSync, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished } from "vitest";

import { writeChain } from "../../src/audit/chain-writer.ts";
import { backOffMs } from "../../src/deliveries/back-off.ts";
import { startDeliveries } from "../../src/deliveries/deliveries.ts";
import { createSqliteStore } from "../../src/index.ts";
import type { Store } from "../../src/ports/store.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import { NOW, sampleSession, sessionRevoked, signInFailed } from "../../src/testing/samples.ts";
import type { WebhookEndpoint } from "../../src/webhooks/endpoint.ts";
import { webhookReceiver } from "../../src/webhooks/endpoint.ts";
import { parseWebhookSecret } from "../../src/webhooks/key.ts";
import { messageOf } from "../../src/webhooks/message.ts";
import { signWebhook } from "../../src/webhooks/signature.ts";
import { PASSWORD, startAuthority } from "../authority.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import type { DeliveryOrder } from "./delivering-node.ts";
import type { Receiver } from "./receiver.ts";
import { startReceiver } from "./receiver.ts";

const SECRETS = [40, 41].map((byte) => `whsec_${Buffer.alloc(32, byte).toString("base64")}`);
const KEYS = SECRETS.flatMap((secret) => parseWebhookSecret(secret) ?? []);
const WAIT = { timeout: 25_000, interval: 50 };

function endpointOf(receiver: Receiver, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return { id: "hook", url: receiver.url, keys: KEYS, types: undefined, timeoutMs: 1_000, ...changes };
}

/** A node's deliveries, until the test is over; and what it logged. */
function deliver(store: Store, endpoints: readonly WebhookEndpoint[], now = NOW) {
  const logs: string[] = [];
  const log = (fields: object, message: string): void => void logs.push(`${message} ${JSON.stringify(fields)}`);
  const deliveries = startDeliveries({
    store,
    receivers: endpoints.map(webhookReceiver),
    clock: () => now,
    logger: { info: log, warn: log, error: log },
  });
  onTestFinished(() => deliveries.close());
  return { logs, close: () => deliveries.close() };
}

async function record(store: Store, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index++) await store.events.appendEvent(signInFailed(`user ${index}`));
  await writeChain({
    store,
    clock: () => NOW,
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
}

const usersOf = (receiver: Receiver) => receiver.received.map(({ body }) => JSON.parse(body).data.userId as string);
const users = (from: number, count: number) => Array.from({ length: count }, (_, index) => `user ${from + index}`);

/** Whether this endpoint is known to the store: it is told of what comes from then on. */
async function isKnown(store: Store, name = "webhook hook"): Promise<boolean> {
  const startAt = (await store.audit.readState()).head.number;
  return (await store.consumers.claim({ name, holder: "nobody", leaseMs: 0, startAt })) === undefined;
}

interface Place {
  readonly open: () => Store;
  readonly order: Pick<DeliveryOrder, "sqlitePath" | "postgresUrl">;
}

function describeDeliveries(createPlace: () => Promise<Place>): void {
  it("every message arrives in order, once, at one node of two, signed as Standard Webhooks says", async () => {
    const { open } = await createPlace();
    const store = open();
    const receiver = await startReceiver();
    await record(store, 0, 3);
    for (const node of [store, open()]) deliver(node, [endpointOf(receiver)]);
    await expect.poll(() => isKnown(store), WAIT).toBe(true);
    await record(store, 3, 250);

    await expect.poll(() => receiver.received.length, WAIT).toBe(250);

    expect(usersOf(receiver)).toEqual(users(3, 250));
    const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(250);
    for (const { body, headers } of receiver.received.slice(0, 5)) {
      for (const secret of SECRETS)
        expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: "sign_in_failed" });
      expect(() => new Webhook(`whsec_${Buffer.alloc(32, 1).toString("base64")}`).verify(body, headers)).toThrow(
        "signature",
      );
    }
  });

  it("a message that is not taken is sent again later, under its id, before those after it; other endpoints do not wait", async () => {
    const { open } = await createPlace();
    const store = open();
    const [failing, well] = [await startReceiver(), await startReceiver()];
    const { logs } = deliver(store, [endpointOf(failing, { id: "failing" }), endpointOf(well, { id: "well" })]);
    await expect.poll(() => isKnown(store, "webhook failing"), WAIT).toBe(true);
    await expect.poll(() => isKnown(store, "webhook well"), WAIT).toBe(true);
    failing.answer = () => (failing.received.length === 1 ? 302 : 204);
    await record(store, 0, 5);

    await expect.poll(() => failing.taken.size, WAIT).toBe(5);

    expect(usersOf(failing)).toEqual(["user 0", ...users(0, 5)]);
    expect(failing.received[0]?.headers["webhook-id"]).toBe(failing.received[1]?.headers["webhook-id"]);
    expect(failing.received.map(({ path }) => path)).not.toContain("/elsewhere");
    expect(usersOf(well)).toEqual(users(0, 5));
    expect(logs.join("\n")).toContain('"status":302');
    expect(logs.join("\n")).not.toContain(failing.url);
  });

  it("a node killed in mid-delivery: another goes on, and nothing is lost", async () => {
    const { open, order } = await createPlace();
    const store = open();
    const receiver = await startReceiver();
    await record(store, 0, 1);
    const dying = spawnNode({ ...order, url: receiver.url, now: NOW });
    await expect.poll(() => isKnown(store), WAIT).toBe(true);
    receiver.answer = ({ body }) => (body.includes('"user 20"') ? "nothing" : 204);
    await record(store, 1, 40);
    await expect.poll(() => usersOf(receiver).includes("user 20"), WAIT).toBe(true);
    dying.kill("SIGKILL");
    await once(dying, "exit");

    receiver.answer = () => 204;
    spawnNode({ ...order, url: receiver.url, now: NOW });
    await expect.poll(() => receiver.taken.size, WAIT).toBe(40);

    const seen = usersOf(receiver);
    expect(seen.filter((user, index) => seen.indexOf(user) === index)).toEqual(users(1, 40));
    expect(seen.filter((user) => user === "user 20").length).toBeGreaterThan(1);
  });
}

function spawnNode(order: DeliveryOrder) {
  const program = fileURLToPath(new URL("delivering-node.ts", import.meta.url));
  const flags = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(order)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function createSqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-webhooks-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "latchkey.db");
  const open = (): Store => {
    const store = createSqliteStore({ path });
    onTestFinished(() => store.close());
    return store;
  };
  return { open, order: { sqlitePath: path } };
}

describe("webhooks from SQLite", () => {
  describeDeliveries(createSqlitePlace);
});

describeOnPostgres("webhooks from PostgreSQL", () => {
  describeDeliveries(async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const open = (): Store => {
      const store = createPostgresStore({ connectionString: database.url });
      onTestFinished(() => store.close());
      return store;
    };
    return { open, order: { postgresUrl: database.url } };
  });
});

describe("a webhook", () => {
  it("OP-01: holds identifiers, and neither address nor user agent", async () => {
    const { open } = await createSqlitePlace();
    const store = open();
    const receiver = await startReceiver();
    deliver(store, [endpointOf(receiver, { types: new Set(["session_revoked"]) })]);
    await expect.poll(() => isKnown(store), WAIT).toBe(true);
    const session = sampleSession();
    await store.events.appendEvent(sessionRevoked(session));
    await record(store, 0, 3);

    await expect.poll(() => receiver.received.length, WAIT).toBe(1);

    expect(JSON.parse(receiver.received[0]?.body ?? "")).toEqual({
      type: "session_revoked",
      timestamp: new Date(NOW * 1_000).toISOString(),
      data: { userId: session.userId, sessionId: session.id, reason: "signed_out" },
    });
  });

  it("holds nothing that only nodes tell each other", async () => {
    const authority = await startAuthority({
      apiTokens: true,
      scopes: { allowed: ["read"] },
      audiences: ["https://api.example.com"],
      rateLimits: false,
    });
    const { access_token: token, user } = await authority.signedIn();
    const made = { name: "a program", scope: "read" };
    expect((await authority.call("POST", "/auth/tokens", { token, json: made })).status).toBe(201);
    await authority.server.setRoles("ada@example.com", ["admin"]);
    const change = { current_password: PASSWORD, new_password: "another correct horse battery" };
    expect((await authority.call("POST", "/auth/password", { token, json: change })).status).toBe(204);

    const types = ["roles_changed", "password_changed"] as const;
    const listed = () => authority.server.audit.list({ types, limit: 10 });
    await expect.poll(async () => (await listed()).length, WAIT).toBe(2);
    const store = createSqliteStore({ path: authority.path });
    onTestFinished(() => store.close());
    const rows = await store.audit.listEntries({ after: 0, limit: 100 });
    const dataOf = (type: string): unknown => {
      const row = rows.find((candidate) => candidate.type === type);
      if (row === undefined) throw new Error(`There is no ${type}.`);
      return (JSON.parse(messageOf("log", row).body) as { data: unknown }).data;
    };

    // The log knows which tokens and which epoch; receivers are not told.
    expect(rows.some(({ content }) => content.includes("endedApiTokens"))).toBe(true);
    expect(rows.some(({ content }) => content.includes("claimsEpoch"))).toBe(true);
    expect(dataOf("roles_changed")).toEqual({ userId: user.id });
    expect(dataOf("password_changed")).toEqual({ userId: user.id, keptSessionId: expect.any(String) });
  });

  it("goes on where it was after a restart, and what is not wanted is passed over", async () => {
    const { open } = await createSqlitePlace();
    const store = open();
    const receiver = await startReceiver();
    const endpoint = endpointOf(receiver, { types: new Set(["sign_in_failed"]) });
    const first = deliver(store, [endpoint]);
    await expect.poll(() => isKnown(store), WAIT).toBe(true);
    await first.close();
    await store.events.appendEvent(sessionRevoked(sampleSession()));
    await record(store, 0, 120);
    deliver(open(), [endpoint]);
    await expect.poll(() => receiver.received.length, WAIT).toBe(120);
    expect(usersOf(receiver)).toEqual(users(0, 120));
  });

  it("that nobody has taken for three days is given up, and the next ones are sent", async () => {
    const { open } = await createSqlitePlace();
    const store = open();
    const receiver = await startReceiver();
    const before = deliver(store, [endpointOf(receiver)]);
    await expect.poll(() => isKnown(store), WAIT).toBe(true);
    await before.close();
    await record(store, 0, 2);
    const later = NOW + 3 * 86_400 + 1;
    await store.events.appendEvent({ ...signInFailed("user 2"), at: later });
    await record(store, 3, 0);

    const { logs } = deliver(store, [endpointOf(receiver)], later);

    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    expect(usersOf(receiver)).toEqual(["user 2"]);
    expect(logs.filter((line) => line.includes("given up"))).toHaveLength(2);
  });

  it("is signed as the specification's reference signs it", () => {
    const message = { id: "log_1", timestamp: 1_800_000_000, body: '{"type":"signed_in"}' };
    const references = SECRETS.map((secret) =>
      new Webhook(secret).sign(message.id, new Date(1_800_000_000_000), message.body),
    );
    expect(signWebhook(message, KEYS)["webhook-signature"]).toBe(references.join(" "));
  });

  it("is signed with an Ed25519 key by the scheme v1a, which a receiver verifies with the public key alone", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
    const publicBytes = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    const secrets = [seed, Buffer.concat([seed, publicBytes])].map((bytes) => `whsk_${bytes.toString("base64")}`);
    const message = { id: "log_1", timestamp: 1_800_000_000, body: '{"type":"signed_in"}' };
    for (const secret of secrets) {
      const key = parseWebhookSecret(secret);
      const headers = signWebhook(message, key === undefined ? [] : [...KEYS, key]);
      const signatures = headers["webhook-signature"].split(" ").map((one) => one.split(","));
      expect(signatures.map(([scheme]) => scheme)).toEqual(["v1", "v1", "v1a"]);
      const signature = Buffer.from(signatures[2]?.[1] ?? "", "base64");
      const signed = Buffer.from(`${message.id}.${message.timestamp}.${message.body}`);
      expect(verify(null, signed, publicKey, signature)).toBe(true);
      expect(verify(null, Buffer.from(`${message.id}.1.${message.body}`), publicKey, signature)).toBe(false);
      expect(JSON.stringify(key) + inspect(key, { depth: 9, showHidden: true })).not.toContain(secret.slice(5, 40));
    }
    expect(parseWebhookSecret(`whsk_${Buffer.concat([seed, seed]).toString("base64")}`)).toBeUndefined();
    expect(parseWebhookSecret(`whsk_${seed.subarray(1).toString("base64")}`)).toBeUndefined();
    expect(parseWebhookSecret(`whpk_${publicBytes.toString("base64")}`)).toBeUndefined();
  });

  it("is tried again after twice the time, up to an hour, half of it by chance", () => {
    const shortest = [1, 2, 3, 4, 12, 100, 10_000].map((failures) => backOffMs(failures, () => 0));
    expect(shortest).toEqual([2_500, 5_000, 10_000, 20_000, 1_800_000, 1_800_000, 1_800_000]);
    expect(backOffMs(100, () => 0.999)).toBeLessThanOrEqual(3_600_000);
  });
});
