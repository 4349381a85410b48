import type { ParseArgsOptionsConfig } from "node:util";
import { parseArgs } from "node:util";

const COMMON = { json: { type: "string" }, help: { type: "boolean", default: false } } as const;

type Flags<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options & typeof COMMON }>
>["values"];

/**
 * Reads a program's options: its own, and those that all programs have, `--json FILE` and `--help`. For help, or for what is no
 * option, the program ends here.
 */
export function readFlags<const Options extends ParseArgsOptionsConfig>(
  help: string,
  options: Options,
): Flags<Options> {
  try {
    const { values } = parseArgs<{ options: Options & typeof COMMON }>({ options: { ...options, ...COMMON } });
    if (!(values as { readonly help?: boolean }).help) return values;
    process.stdout.write(help);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}
