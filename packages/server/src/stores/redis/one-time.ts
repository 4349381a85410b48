import type { OneTimeStore } from "../../ports/one-time-store.ts";
import type { Connection } from "./connection.ts";
import { defineScript } from "./script.ts";

// Redis forgets by itself. How long to remember is told as a length of time, since its clock may be another than ours.
const CONSUME = defineScript(`
local used = base .. 'used:' .. ARGV[1] .. ':' .. ARGV[2]
if redis.call('SET', used, '1', 'NX', 'EX', ARGV[3]) then return 1 end
return 0`);

export function createOneTimeStore(durable: Connection): OneTimeStore {
  return {
    async consume({ purpose, hash, at, expiresAt }) {
      return (await durable.run(CONSUME, [purpose, hash, Math.max(expiresAt - at, 1)])) === 1;
    },
  };
}
