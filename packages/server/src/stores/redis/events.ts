import type { AuthEvent } from "../../domain/event.ts";
import type { EventConsequences, EventLog, RecordedEvent } from "../../ports/event-log.ts";
import type { Connection } from "./connection.ts";
import { defineScript } from "./script.ts";

/**
 * `record(event, kept)`: appends an event within whatever script the caller is. The stream numbers its entries 0-1, 0-2
 * and so on, never anew, not even when old ones are dropped; scripts run one after the other, and so a number that a
 * reader sees is above all that it could have seen before.
 */
export const RECORD = `
local function record(event, kept)
  redis.call('XADD', base .. 'events', 'MAXLEN', '~', kept, '0-*', 'event', event)
  redis.call('PUBLISH', base .. 'events', '')
end`;

const APPEND = defineScript(RECORD, "record(ARGV[1], ARGV[2])");

const LIST = defineScript(`
local entries = redis.call('XRANGE', base .. 'events', '(0-' .. ARGV[1], '+', 'COUNT', ARGV[2])
local listed = {}
for _, entry in ipairs(entries) do
  listed[#listed + 1] = string.sub(entry[1], 3)
  listed[#listed + 1] = entry[2][2]
end
return listed`);

const PURGE = defineScript(`
local entries = redis.call('XRANGE', base .. 'events', '-', '0-' .. ARGV[1], 'COUNT', ARGV[3])
local removed = 0
for _, entry in ipairs(entries) do
  if cjson.decode(entry[2][2]).at < tonumber(ARGV[2]) then removed = removed + redis.call('XDEL', base .. 'events', entry[1]) end
end
return removed`);

export interface EventLogOptions {
  readonly connection: Connection;
  /** Waits for replicas where there are to be some. */
  readonly durable: Connection;
  /** About how many events the stream keeps; the oldest are dropped first. */
  readonly eventsKept: number;
  readonly watch: EventLog["watch"];
}

export function createEventLog({ connection, durable, eventsKept, watch }: EventLogOptions): EventLog {
  return {
    async appendEvent(event) {
      await durable.run(APPEND, [JSON.stringify(event), eventsKept]);
    },

    async listEvents(after, limit) {
      const listed = (await connection.run(LIST, [after, limit])) as readonly string[];
      return listed.flatMap((number, index): RecordedEvent[] => {
        const content = listed[index + 1];
        if (index % 2 === 1 || content === undefined) return [];
        return [{ ...(JSON.parse(content) as AuthEvent & EventConsequences), sequence: Number(number) }];
      });
    },

    async purgeEvents({ through, before, limit }) {
      return Number(await connection.run(PURGE, [through, before, limit]));
    },

    watch,
  };
}
