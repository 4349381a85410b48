import type { ApiToken } from "@latchkey/server";
import { ConfigurationError, listUserApiTokens, revokeApiToken, revokeUserApiTokens } from "@latchkey/server";
import type { Option } from "commander";
import { Command } from "commander";

import { noAccount } from "../no-account.ts";
import { withStore } from "../with-store.ts";
import { tableOf, timeOf } from "./table.ts";

const clock = (): number => Math.floor(Date.now() / 1000);

/** `latchkey tokens`: works on the store of the nodes that run; their verifiers hear of it within a second. */
export function tokensCommand(dataOption: () => Option): Command {
  const tokens = new Command("tokens").description("list and revoke the API tokens that users have made");

  tokens
    .command("list")
    .description("a user's live API tokens")
    .argument("<email>")
    .addOption(dataOption())
    .action(async (email: string, flags: { readonly data: string }) => {
      await withStore(flags.data, async (store) => {
        const listed = await listUserApiTokens({ store, clock }, email);
        if (listed === undefined) throw noAccount();
        process.stdout.write(listing(listed));
      });
    });

  tokens
    .command("revoke")
    .description("end one API token, or all of a user's: refused at every API within a second")
    .argument("[id]", "as `latchkey tokens list` shows it")
    .option("--all-of <email>", "all of this user's")
    .addOption(dataOption())
    .action(async (id: string | undefined, flags: { readonly data: string; readonly allOf?: string }) => {
      const { allOf } = flags;
      if ((id === undefined) === (allOf === undefined)) {
        throw new ConfigurationError("Name one API token by its id, or a user with --all-of.");
      }
      await withStore(flags.data, async (store) => {
        if (id !== undefined) {
          if (!(await revokeApiToken({ store, clock }, id))) {
            throw new ConfigurationError(
              "There is no API token of that id in this database. See: latchkey tokens list EMAIL",
            );
          }
          process.stdout.write(`Revoked: ${id}\n`);
          return;
        }
        const count = await revokeUserApiTokens({ store, clock }, allOf ?? "");
        if (count === undefined) throw noAccount();
        process.stdout.write(`Revoked: ${count}\n`);
      });
    });

  return tokens;
}

function listing(tokens: readonly ApiToken[]): string {
  const rows = tokens.map(({ id, name, audience, scope, expiresAt, lastUsedAt }) => [
    id,
    name,
    audience,
    scope,
    timeOf(expiresAt),
    lastUsedAt === null ? "-" : timeOf(lastUsedAt),
  ]);
  return tableOf([["ID", "NAME", "AUDIENCE", "SCOPE", "EXPIRES", "LAST USED"], ...rows]);
}
