import type { Store } from "@latchkey/server";
import { deleteUser, disableUser, enableUser } from "@latchkey/server";
import type { Option } from "commander";
import { Command } from "commander";

import { noAccount } from "../no-account.ts";
import { withStore } from "../with-store.ts";

const clock = (): number => Math.floor(Date.now() / 1000);

/** Users read at once. */
const PAGE = 500;

interface Flags {
  readonly data: string;
}

/** `latchkey users list | disable | enable | delete`: on the store of the nodes that run, which notice at once. */
export function manageUsersCommands(dataOption: () => Option): readonly Command[] {
  const list = new Command("list")
    .description("all accounts, in the order of their e-mail addresses: address, id, and what is special about them")
    .addOption(dataOption())
    .action(async (flags: Flags) => {
      await withStore(flags.data, listUsers);
    });

  const change = (
    name: string,
    description: string,
    options: { readonly run: typeof disableUser; readonly done: string },
  ): Command =>
    new Command(name)
      .description(description)
      .argument("<email>")
      .addOption(dataOption())
      .action(async (email: string, flags: Flags) => {
        await withStore(flags.data, async (store) => {
          if (!(await options.run({ store, clock }, email))) throw noAccount();
          process.stdout.write(`${options.done}\n`);
        });
      });

  return [
    list,
    change("disable", "let nobody sign in to an account, and end its sessions at once", {
      run: disableUser,
      done: "The account is disabled, and its sessions are over.",
    }),
    change("enable", "let a disabled account be signed in to again", {
      run: enableUser,
      done: "The account can be signed in to.",
    }),
    change("delete", "remove an account, for ever, and end its sessions at once", {
      run: deleteUser,
      done: "The account is deleted.",
    }),
  ];
}

async function listUsers(store: Store): Promise<void> {
  process.stdout.write("ADDRESS\tID\tNOTES\n");
  for (let after = ""; ;) {
    const users = await store.accounts.listUsers(after, PAGE);
    for (const { email, id, emailVerified, roles, disabledAt } of users) {
      const notes = [
        ...(disabledAt === null ? [] : ["disabled"]),
        ...(emailVerified ? [] : ["address not verified"]),
        ...(roles.length === 0 ? [] : [`roles: ${roles.join(", ")}`]),
      ];
      process.stdout.write(`${[email, id, notes.join("; ")].join("\t").trimEnd()}\n`);
    }
    const last = users.at(-1);
    if (last === undefined || users.length < PAGE) return;
    after = last.email;
  }
}
