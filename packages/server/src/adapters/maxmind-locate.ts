/**
 * `@latchkey/server/maxmind`: where addresses are, by a MaxMind database (GeoLite2 or GeoIP2, Country or City; others
 * write the format, too). Apart from the root entry, so that only who uses it needs `maxmind`.
 *
 * @module
 */
import type { CityResponse } from "maxmind";
import { open, validate } from "maxmind";

import { ConfigurationError } from "../errors.ts";
import type { Locate } from "../ports/locate.ts";

/**
 * Reads the file once, and again when it has been replaced. Country and region are taken from it, and nothing else.
 *
 * @throws ConfigurationError where it cannot be read
 */
export async function openMaxmindLocate(path: string): Promise<Locate> {
  let reader;
  try {
    reader = await open<CityResponse>(path, { watchForUpdates: true, watchForUpdatesNonPersistent: true });
  } catch (cause) {
    throw new ConfigurationError(`${path}: cannot be read as a MaxMind database (.mmdb).`, { cause });
  }
  const database = reader;
  return (ip) => {
    const found = validate(ip) ? database.get(ip) : null;
    const country = found?.country?.iso_code;
    return country === undefined ? undefined : { country, region: found?.subdivisions?.[0]?.iso_code };
  };
}
