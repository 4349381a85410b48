// Delivers webhooks from a shared store, as a process of its own that can be killed.
import { startDeliveries } from "../../src/deliveries/deliveries.ts";
import { createSqliteStore } from "../../src/index.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import { webhookReceiver } from "../../src/webhooks/endpoint.ts";
import { parseWebhookSecret } from "../../src/webhooks/key.ts";

export interface DeliveryOrder {
  readonly sqlitePath?: string;
  readonly postgresUrl?: string;
  readonly url: string;
  readonly now: number;
}

const { sqlitePath = "", postgresUrl, url, now } = JSON.parse(process.argv[2] ?? "") as DeliveryOrder;
setTimeout(() => process.kill(process.pid, "SIGKILL"), 60_000);
const store =
  postgresUrl === undefined
    ? createSqliteStore({ path: sqlitePath })
    : createPostgresStore({ connectionString: postgresUrl });
const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
const key = parseWebhookSecret(`whsec_${Buffer.alloc(32).toString("base64")}`);
const endpoint = { id: "hook", url, keys: key === undefined ? [] : [key], types: undefined, timeoutMs: 1_000 };
startDeliveries({ store, receivers: [webhookReceiver(endpoint)], clock: () => now, logger });
