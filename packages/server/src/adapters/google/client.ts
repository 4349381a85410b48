import { KeyServiceError } from "../../errors.ts";
import { withinDeadline } from "../deadline.ts";
import { parseServiceAddress } from "../service-address.ts";

/** What Google's own tools do not find by themselves, as Application Default Credentials. */
export interface GoogleClientOptions {
  /** In place of Google's own, such as a private or regional one: `https://…`. */
  readonly endpoint?: string;
}

/** A type, since an interface lacks the index signature that is asked for. */
type RestOptions = {
  /** JSON over HTTP: two verbs need no connection of gRPC's that stays open. */
  readonly fallback: "rest";
  readonly protocol?: "http" | "https";
  readonly apiEndpoint?: string;
  readonly port?: number;
};

/** @throws ConfigurationError */
export function restOptions({ endpoint }: GoogleClientOptions): RestOptions {
  if (endpoint === undefined) return { fallback: "rest" };
  const { protocol, hostname, port } = parseServiceAddress(endpoint, "endpoint");
  const isPlain = protocol === "http:";
  return {
    fallback: "rest",
    protocol: isPlain ? "http" : "https",
    apiEndpoint: hostname,
    port: port === "" ? (isPlain ? 80 : 443) : Number(port),
  };
}

/** Given to each call: whoever waits for it is a user who signs in. */
export const PATIENCE = { timeout: 3_000, retry: null };

/** Of all, finding credentials too, for which Google's client knows no limit. */
const DEADLINE_MS = 5_000;

/** gRPC's status codes, in their order. */
const STATUSES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/**
 * What was asked for. A client is prepared first: one that finds no credentials while it is asked leaves a rejection
 * behind that nobody can handle. Of an error its status alone is told: it holds the request, and that the credentials.
 *
 * @throws KeyServiceError
 */
export async function askGoogle<T>(
  what: string,
  client: { initialize(): Promise<unknown> },
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await withinDeadline(client.initialize().then(call), DEADLINE_MS, "no answer");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const status = (typeof code === "number" ? STATUSES[code] : undefined) ?? "no credentials were found";
    throw new KeyServiceError(
      `Google Cloud did not ${what} (${status}). Check the name, the application default credentials and their roles.`,
    );
  }
}
