import type { EventLog, RecordedEvent } from "../../ports/event-log.ts";
import type { Connection } from "./connection.ts";
import { RECORD } from "./events.ts";
import { defineScript } from "./script.ts";

// Each event once, however many nodes relay it: the number of the last one is kept in the same step.
const RELAY = defineScript(
  RECORD,
  `
local relayed = tonumber(redis.call('GET', base .. 'relayed') or '0')
for i = 2, #ARGV, 2 do
  local number = tonumber(ARGV[i])
  if number > relayed then
    record(ARGV[i + 1], ARGV[1])
    relayed = number
    redis.call('SET', base .. 'relayed', ARGV[i])
  end
end
return redis.call('GET', base .. 'relayed') or '0'`,
);

const PAGE = 500;

/** Moves the events of another log into this one, in their order. */
export interface EventRelay {
  /**
   * Resolves once all that the other log lists has been appended here.
   *
   * @param before awaited with the events of each page before they are appended
   */
  catchUp(source: EventLog, before: (events: readonly RecordedEvent[]) => Promise<void>): Promise<void>;

  /** The number, in the other log, of the last event that has been appended here. */
  position(): Promise<number>;
}

export function createEventRelay(durable: Connection, kept: number): EventRelay {
  return {
    async position() {
      return Number(await durable.run(RELAY, [kept]));
    },

    async catchUp(source, before) {
      let relayed = Number(await durable.run(RELAY, [kept]));
      for (;;) {
        const events = await source.listEvents(relayed, PAGE);
        if (events.length === 0) return;
        await before(events);
        const values = events.flatMap(({ sequence, ...event }) => [sequence, JSON.stringify(event)]);
        relayed = Number(await durable.run(RELAY, [kept, ...values]));
        // Another node may be ahead; it then has relayed these as well.
        if (events.length < PAGE) return;
      }
    },
  };
}
