import type { AuthEvent } from "../domain/event.ts";
import type { Observer } from "../ports/observer.ts";
import type { Store } from "../ports/store.ts";

/** A store whose verbs are seen by an observer, and the events of those that took place. */
export function observeStore(store: Store, observer: Observer): Store {
  return {
    ...store,
    accounts: observePart("accounts", store.accounts, observer),
    apiTokens: observePart("apiTokens", store.apiTokens, observer),
    sessions: observePart("sessions", store.sessions, observer),
    keys: observePart("keys", store.keys, observer),
    statusPlaces: observePart("statusPlaces", store.statusPlaces, observer),
    events: { ...observePart("events", store.events, observer), watch: (listener) => store.events.watch(listener) },
    oneTime: observePart("oneTime", store.oneTime, observer),
    findSessionWithUser: (sessionId) =>
      observer.observeStore("findSessionWithUser", () => store.findSessionWithUser(sessionId)),
  };
}

type Verb = (...values: unknown[]) => Promise<unknown>;

function observePart<Part extends object>(name: string, part: Part, observer: Observer): Part {
  const verbs = Object.entries(part).map(([verb, call]): [string, Verb] => {
    const observed: Verb = async (...values) => {
      const result = await observer.observeStore(`${name}.${verb}`, () => (call as Verb).apply(part, values));
      // Of a change that did not take place nothing is recorded.
      if (result !== false) for (const { type, ...event } of values.filter(isEvent)) countEvent(observer, type, event);
      return result;
    };
    return [verb, observed];
  });
  return Object.fromEntries(verbs) as Part;
}

function countEvent(observer: Observer, type: AuthEvent["type"], event: object): void {
  const reason = "reason" in event && typeof event.reason === "string" ? event.reason : undefined;
  observer.count({ kind: "event", type, reason });
}

function isEvent(value: unknown): value is AuthEvent {
  return typeof value === "object" && value !== null && "type" in value && "at" in value && "origin" in value;
}
