import type { Place } from "../domain/place.ts";

/** Where an IP address is, coarsely; nothing for one that is not known. Asked at each sign-in and refresh: it must be fast. */
export type Locate = (ip: string) => Place | null | undefined | Promise<Place | null | undefined>;

/** The same as an ISO 3166 code; null where that is not known. Never rejects, and never takes long. */
export type Locator = (ip: string | null) => Promise<string | null>;
