/** The last things that happened to one session, for the day that something goes wrong with it. */
export interface Trace {
  note(line: string): void;
  lines(): readonly string[];
}

const KEPT_LINES = 400;

export function createTrace(): Trace {
  const kept: string[] = [];
  return {
    note(line) {
      kept.push(`${performance.now().toFixed(1).padStart(10)} ms  ${line}`);
      if (kept.length > KEPT_LINES) kept.shift();
    },
    lines: () => kept,
  };
}

/** A promise of the protocol that was broken, and how it came to that. */
export interface Violation {
  readonly kind: "false sign-out" | "double spend" | "thief not caught" | "stuck client" | "malformed answer";
  readonly what: string;
  readonly trace: readonly string[];
}
