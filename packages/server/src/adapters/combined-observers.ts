import type { Observer } from "../ports/observer.ts";

/** Several observers as one, the first outermost. */
export function combineObservers(...observers: readonly Observer[]): Observer {
  const [only, ...others] = observers;
  if (only !== undefined && others.length === 0) return only;
  return {
    observeRequest: (request, answer) =>
      observers.reduceRight((inner, observer) => () => observer.observeRequest(request, inner), answer)(),
    observeStore: (verb, call) =>
      observers.reduceRight((inner, observer) => () => observer.observeStore(verb, inner), call)(),
    count(occurrence) {
      for (const observer of observers) observer.count(occurrence);
    },
  };
}
