/** A country, and a region of it where that is known. Nothing finer is ever kept. */
export interface Place {
  /** ISO 3166-1 alpha-2, for example `DE`. */
  readonly country: string;
  /** The part of the ISO 3166-2 code behind the country, for example `BE`. */
  readonly region?: string | undefined;
}

/** As an ISO 3166 code, `DE` or `DE-BE`; null for what is none. A region that is none is left out. */
export function formatPlace(place: Place | null | undefined): string | null {
  if (typeof place?.country !== "string" || !/^[A-Z]{2}$/.test(place.country)) return null;
  const { country, region } = place;
  return typeof region === "string" && /^[A-Z0-9]{1,3}$/.test(region) ? `${country}-${region}` : country;
}

/** The country of an ISO 3166 code. */
export function countryOf(place: string): string {
  return place.slice(0, 2);
}
