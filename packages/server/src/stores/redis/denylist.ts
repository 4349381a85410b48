import type { Revocation } from "@latchkey/protocol";

import type { Denylist } from "../../ports/denylist.ts";
import type { RedisClient } from "./client.ts";
import { openClient } from "./client.ts";
import { createConnection } from "./connection.ts";
import { inspectServer } from "./inspection.ts";
import { defineScript } from "./script.ts";
import { parseSettings } from "./settings.ts";

export type RedisDenylistOptions = {
  /** What the names of all keys begin with, between braces; `latchkey` by default. */
  readonly prefix?: string;
} & (
  | {
      /** For example `redis://:password@host:6379/0`; the denylist keeps a connection of its own. */
      readonly url: string;
    }
  | {
      /** A `Redis` or `Cluster` of ioredis of yours, which stays yours to close. */
      readonly client: RedisClient;
    }
);

/** For how long the list counts as up to date after a node has said so, in seconds: five times as often as they do. */
const CONFIRMED_SECONDS = 10;

/** Names, values and times only ever grow, whichever node comes last. */
const ADD = defineScript(`
for entry = 1, #ARGV, 3 do
  local key, value, expiresAt = base .. 'revoked:' .. ARGV[entry], tonumber(ARGV[entry + 1]), tonumber(ARGV[entry + 2])
  local held = redis.call('GET', key)
  if not held or tonumber(held) < value then redis.call('SET', key, ARGV[entry + 1], 'KEEPTTL') end
  if redis.call('EXPIRETIME', key) < expiresAt then redis.call('EXPIREAT', key, ARGV[entry + 2]) end
end`);

const CONFIRM = defineScript(`
local key, at, seconds, complete = base .. 'revoked:confirmed', ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('GET', key)
if not held and complete ~= '1' then return 0 end
if held and tonumber(held) > tonumber(at) then at = held end
redis.call('SET', key, at, 'EX', seconds)
return 1`);

/**
 * A denylist in Redis, for gateways that look tokens up there: one key for each thing that is revoked, which expires when
 * no token can match it any more. The names are in docs/revocation-for-others.md and do not change.
 *
 * @throws ConfigurationError for options that cannot be served; and its verbs reject where the server evicts keys
 */
export function createRedisDenylist(options: RedisDenylistOptions): Denylist {
  const { url, client: yours, ...settings } = { url: undefined, client: undefined, ...options };
  const { prefix } = parseSettings(settings);
  const client = yours ?? openClient(url ?? "");
  // It need not be durable: whatever is lost, the nodes write again.
  const inspect = async (server: RedisClient): Promise<void> => inspectServer(server, "unchecked");
  const connection = createConnection({ client, base: `{${prefix}}:`, inspectServer: inspect });

  // What a server has after it was restarted, or failed over, may be less than it had.
  let losses = 0;
  const onClose = (): void => {
    losses += 1;
  };
  client.on("close", onClose);

  return {
    get losses() {
      return losses;
    },

    async add(revocations) {
      const values = revocations.flatMap((revocation) => [nameOf(revocation), valueOf(revocation), revocation.until]);
      await connection.run(ADD, values);
    },

    async confirm(at, complete) {
      return (await connection.run(CONFIRM, [at, CONFIRMED_SECONDS, complete ? 1 : 0])) === 1;
    },

    async close() {
      connection.close();
      client.off("close", onClose);
      if (yours === undefined) client.disconnect();
    },
  };
}

const CLAIM = { session: "sid", subject: "sub", token: "jti", claims: "epoch", key: "kid" } as const;

function nameOf({ kind, id }: Revocation): string {
  return `${CLAIM[kind]}:${id}`;
}

/** What is to be compared: a time with `iat`, or an epoch with `claims_epoch`; 1 where there is nothing to compare. */
function valueOf(revocation: Revocation): number {
  if (revocation.kind === "subject") return revocation.before;
  return revocation.kind === "claims" ? revocation.epoch : 1;
}
