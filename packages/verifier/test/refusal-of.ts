import { type Refusal, VerifierError } from "@latchkey/verifier";

/** The refusal a verification came to. Being accepted, or failing in any other way, fails the test. */
export async function refusalOf(verification: Promise<unknown>): Promise<Refusal> {
  const outcome = await verification.then(
    () => "accepted",
    (error: unknown) => error,
  );
  if (outcome instanceof VerifierError && outcome.refusal !== undefined) return outcome.refusal;
  throw new Error(`Expected a refusal, and it was ${String(outcome)}.`);
}
