import { fetchJson } from "../fetch-json.ts";

/** Asks the authority about one token at a time (RFC 7662). */
export interface Introspector {
  /** Never rejects; `unknown` where the authority did not say. */
  ask(token: string): Promise<"active" | "inactive" | "unknown">;
  close(): void;
}

export interface IntrospectorOptions {
  /** `undefined` where the authority offers none. */
  readonly findEndpoint: () => string | undefined;
  readonly authorize: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
}

/** A request waits for it: longer than this it is better off with a 503. */
const TIMEOUT_MS = 2_000;
const MAX_CALLS = 64;
/** How long an answer serves all who bring the same token. */
const MEMORY_MS = 1_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export function createIntrospector({ findEndpoint, authorize, fetch }: IntrospectorOptions): Introspector {
  type Answer = Awaited<ReturnType<Introspector["ask"]>>;
  const answers = new Map<string, Promise<Answer>>();
  const closing = new AbortController();
  let calls = 0;

  async function call(url: string, token: string): Promise<Answer> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const timer = setTimeout(abort, TIMEOUT_MS);
    closing.signal.addEventListener("abort", abort);
    calls += 1;
    try {
      const answer = await fetchJson(
        url,
        { fetch, signal: controller.signal },
        {
          headers: authorize({ Accept: "application/json" }),
          body: new URLSearchParams({ token, token_type_hint: "access_token" }),
          maxBytes: MAX_ANSWER_BYTES,
        },
      );
      return answer.kind === "ok" ? readAnswer(answer.value) : "unknown";
    } catch {
      return "unknown";
    } finally {
      calls -= 1;
      setTimeout(() => answers.delete(token), MEMORY_MS).unref();
      clearTimeout(timer);
      closing.signal.removeEventListener("abort", abort);
    }
  }

  return {
    ask(token) {
      const known = answers.get(token);
      if (known !== undefined) return known;
      const url = findEndpoint();
      if (url === undefined || calls >= MAX_CALLS || closing.signal.aborted) return Promise.resolve("unknown");
      const answer = call(url, token);
      answers.set(token, answer);
      return answer;
    },
    close() {
      closing.abort();
      answers.clear();
    },
  };
}

function readAnswer(answer: unknown): "active" | "inactive" | "unknown" {
  if (typeof answer !== "object" || answer === null || !("active" in answer)) return "unknown";
  if (answer.active === true) return "active";
  return answer.active === false ? "inactive" : "unknown";
}
