import type { DestinationStream, Logger } from "pino";
import { pino } from "pino";

import { describeError, SECRET_FIELDS } from "./log-secrecy.ts";

export const LOG_FORMATS = ["auto", "json", "pretty"] as const;

/** `auto`: for people where the output is a terminal, for programs elsewhere. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** One line of JSON for each entry, on standard output. Nothing that is secret by its name, and of errors no more than they mean. */
export async function createLogger(options: {
  readonly level: string;
  readonly format?: LogFormat | undefined;
}): Promise<Logger> {
  const { level, format = "auto" } = options;
  const isPretty = format === "pretty" || (format === "auto" && process.stdout.isTTY);
  return openLogger(level, isPretty ? await prettyOutput() : undefined);
}

function openLogger(level: string, output: DestinationStream | undefined): Logger {
  const settings = {
    level,
    // A machine's name and process are its supervisor's business.
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: [...SECRET_FIELDS], censor: "[redacted]" },
    serializers: { err: describeError },
  };
  return output === undefined ? pino(settings) : pino(settings, output);
}

async function prettyOutput(): Promise<DestinationStream> {
  const { build } = await import("pino-pretty");
  return build({ sync: true, singleLine: true, translateTime: "HH:MM:ss", ignore: "pid,hostname" });
}
