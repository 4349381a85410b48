/**
 * `@latchkey/client/ky`: ky with the client's rules. It sends by `client.fetch`, so the token goes to allow-listed origins
 * alone, and a request refused for its token's age is sent once more.
 *
 * @module
 */
import type { KyInstance, Options } from "ky";
import ky from "ky";

import type { Client } from "../client.ts";

/** Makes a ky instance. What the client throws (`unreachable`) is thrown as it is. */
export function createKy(client: Pick<Client, "fetch">, defaults: Options = {}): KyInstance {
  return ky.create({ ...defaults, fetch: client.fetch });
}
