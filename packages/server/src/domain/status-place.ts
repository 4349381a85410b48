/** Where the status of a session's access tokens is told: which status list, and which bit of it. */
export interface StatusPlace {
  readonly list: number;
  readonly index: number;
}

/**
 * How many sessions share a status list, revoked or not: who fetches it does not tell which of them is meant. The size of
 * the draft's own test vectors; as long as few are revoked, a list of any size is some hundred bytes.
 */
export const STATUS_LIST_BITS = 20;
export const STATUS_LIST_SIZE: number = 2 ** STATUS_LIST_BITS;

/** The id of a session that has a place: its place is the end of it, so that whoever hears of the id knows the place. */
export function sessionIdAt(random: string, { list, index }: StatusPlace): string {
  return `${random}.${(list * STATUS_LIST_SIZE + index).toString(36)}`;
}

/** `undefined` for a session that was begun without a place. */
export function statusPlaceOf(sessionId: string): StatusPlace | undefined {
  const [, place] = /\.([0-9a-z]{1,10})$/.exec(sessionId) ?? [];
  if (place === undefined) return undefined;
  const number = Number.parseInt(place, 36);
  return { list: Math.floor(number / STATUS_LIST_SIZE), index: number % STATUS_LIST_SIZE };
}
