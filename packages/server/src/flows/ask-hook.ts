import { AuthError } from "../errors.ts";

/**
 * Asks code of the operator's. Where it throws, or does not answer in time, the caller is told "not now": nobody is let in
 * for it, and nobody signed out.
 *
 * @throws AuthError `unavailable`
 */
export async function askHook<Answer>(
  hook: { readonly name: string; readonly timeoutSeconds: number },
  ask: () => Answer | Promise<Answer>,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const fault = `${hook.name} has not answered within ${hook.timeoutSeconds} s.`;
    timer = setTimeout(() => reject(new Error(fault)), hook.timeoutSeconds * 1_000);
  });
  try {
    return await Promise.race([(async () => ask())(), late]);
  } catch (cause) {
    throw new AuthError("unavailable", {}, { cause });
  } finally {
    clearTimeout(timer);
  }
}
