import { HOUR_SECONDS } from "../domain/api-token.ts";
import { requireApiTokens } from "./api-tokens.ts";
import type { FlowContext } from "./context.ts";

/** By how much an API's clock may be ahead, in seconds. */
const CLOCK_DIFFERENCE_SECONDS = 60;

/** Notes what an API says of the tokens that were used there: the hour, and for tokens of its own audiences alone. */
export async function noteApiTokenUses(
  context: FlowContext,
  report: { readonly uses: readonly (readonly [id: string, hour: number])[]; readonly audiences: ReadonlySet<string> },
): Promise<void> {
  requireApiTokens(context);
  const latest = Math.floor((context.clock() + CLOCK_DIFFERENCE_SECONDS) / HOUR_SECONDS);
  // A time to come would hide all uses until then.
  const uses = report.uses.filter(([, hour]) => hour <= latest).map(([id, hour]) => ({ id, at: hour * HOUR_SECONDS }));
  if (uses.length > 0) await context.store.apiTokens.noteApiTokenUses(uses, [...report.audiences]);
}
