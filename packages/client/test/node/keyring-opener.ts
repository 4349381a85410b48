/** Opens a store whose key is in the keyring, adds a text to what is there, and prints what it has then: or why not. */
import { createKeyringStore } from "@latchkey/client/node";

const [folder = "", service = "", text = ""] = process.argv.slice(2);
try {
  const store = await createKeyringStore({ folder, service });
  for (;;) {
    const before = store.read();
    // A change that another process has gone on from at once is reported as not made: whether it was, the next look tells.
    if (before?.text.split(";").includes(text) === true) break;
    if (store.replace(before?.revision ?? 0, `${before?.text ?? ""}${text};`)) break;
  }
  process.stdout.write(JSON.stringify(store.read()?.text));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: error instanceof Error ? error.message : "unknown" }));
}
