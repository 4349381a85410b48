/**
 * `@latchkey/client/axios`: axios with the client's rules. It sends by `client.fetch`, so the token goes to allow-listed
 * origins alone, and a request refused for its token's age is sent once more.
 *
 * @module
 */
import type { AxiosInstance, CreateAxiosDefaults } from "axios";
import axios from "axios";

import type { Client } from "../client.ts";

/** Makes an axios instance. What the client throws (`unreachable`) is the `cause` of the `AxiosError`. */
export function createAxios(client: Pick<Client, "fetch">, defaults: CreateAxiosDefaults = {}): AxiosInstance {
  return axios.create({ ...defaults, adapter: "fetch", env: { ...defaults.env, fetch: client.fetch } });
}
