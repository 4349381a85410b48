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
    const path = `${name}.${verb}`;
    const observed: Verb = (...values) => {
      const answered = observer.observeStore(path, () => (call as Verb).apply(part, values));
      const events = values.filter(isEvent);
      if (events.length > 0) answered.then((result) => countEvents(observer, events, result), ignore);
      return answered;
    };
    return [verb, observed];
  });
  return Object.fromEntries(verbs) as Part;
}

function countEvents(observer: Observer, events: readonly AuthEvent[], result: unknown): void {
  // Of a change that did not take place nothing is recorded.
  if (result === false) return;
  for (const event of events) {
    const reason = "reason" in event && typeof event.reason === "string" ? event.reason : undefined;
    observer.count({ kind: "event", type: event.type, reason });
  }
}

/** Whoever asked is told of the failure. */
function ignore(): void {}

function isEvent(value: unknown): value is AuthEvent {
  return typeof value === "object" && value !== null && "type" in value && "at" in value && "origin" in value;
}
