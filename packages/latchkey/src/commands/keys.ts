import type { KeyDescription } from "@latchkey/server";
import { ConfigurationError, listKeys, resealKeys, revokeKey, rotateKeys } from "@latchkey/server";
import type { Option } from "commander";
import { Command } from "commander";

import { openSigningService } from "../open-signing-service.ts";
import { withStore } from "../with-store.ts";
import { tableOf, timeOf } from "./table.ts";

const clock = (): number => Math.floor(Date.now() / 1000);

/** `latchkey keys`: works on the store of the nodes that run, who notice within a second or two. */
export function keysCommand(dataOption: () => Option): Command {
  const keys = new Command("keys").description("list, rotate and revoke the keys that tokens are signed with");

  keys
    .command("list")
    .description("all keys there are, or have been")
    .addOption(dataOption())
    .action(async (flags: { readonly data: string }) => {
      await withStore(flags.data, async (store) => {
        process.stdout.write(listing(await listKeys({ store: store.keys, clock })));
      });
    });

  keys
    .command("rotate")
    .description("let the next keys sign as soon as they have been published for long enough; felt by nobody")
    .addOption(dataOption())
    .action(async (flags: { readonly data: string }) => {
      await withStore(flags.data, async (store) => {
        await rotateKeys({ store: store.keys, clock });
        const next = (await listKeys({ store: store.keys, clock })).filter(({ state }) => state === "next");
        if (next.length === 0)
          throw new ConfigurationError("There are no keys yet. Start the authority once: latchkey serve");
        for (const key of next)
          process.stdout.write(`${key.kid} (${key.purpose}) signs from ${timeOf(key.activatesAt)}\n`);
      });
    });

  keys
    .command("revoke")
    .description("emergency: everything signed with this key is dead at once, and another key signs")
    .argument("<kid>", "as `latchkey keys list` shows it")
    .addOption(dataOption())
    .action(async (kid: string, flags: { readonly data: string }) => {
      await withStore(flags.data, async (store, openSealer) => {
        const known = await listKeys({ store: store.keys, clock });
        if (!known.some((key) => key.kid === kid)) {
          throw new ConfigurationError("There is no key of that name in this database. See: latchkey keys list");
        }
        const signingService = await openSigningService(process.env);
        await revokeKey({ store: store.keys, sealer: await openSealer(), clock, signingService }, kid);
        process.stdout.write(`Revoked: ${kid}\n`);
      });
    });

  keys
    .command("reseal")
    .description("seal all keys anew under the first master secret, so that the others can be left out; felt by nobody")
    .addOption(dataOption())
    .action(async (flags: { readonly data: string }) => {
      await withStore(flags.data, async (store, openSealer) => {
        const count = await resealKeys({ store: store.keys, sealer: await openSealer() });
        process.stdout.write(`Sealed anew: ${count} ${count === 1 ? "key" : "keys"}.\n`);
      });
    });

  return keys;
}

function listing(keys: readonly KeyDescription[]): string {
  const rows = keys.map((key) => [
    key.kid,
    key.purpose,
    key.alg,
    key.state,
    timeOf(key.createdAt),
    timeOf(key.revokedAt ?? key.activatesAt),
  ]);
  return tableOf([["KID", "PURPOSE", "ALG", "STATE", "PUBLISHED", "SIGNS FROM, OR REVOKED"], ...rows]);
}
