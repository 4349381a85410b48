import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

import { ClientError } from "../errors.ts";
import { isErrno } from "./errno.ts";
import { createFileStore } from "./file-store.ts";
import { requirePrivate } from "./private-folder.ts";
import { KEY_BYTES } from "./sealer.ts";
import type { TokenStore } from "./token-store.ts";

export interface KeyringStoreOptions {
  /** As of `createFileStore`: a folder of its own for each app and issuer. */
  readonly folder: string;
  /** What the app's entries in the keyring are filed under, for example `my-cli`. */
  readonly service: string;
}

/**
 * Credentials in a file, as of `createFileStore`, whose key is in the system's keyring: the Keychain of macOS, the Credential
 * Manager of Windows, the Secret Service of Linux desktops. (A keyring changes its entries without a look at what was there,
 * so the session itself, which many processes change, would be lost in it.) Needs the package `@napi-rs/keyring`.
 *
 * @throws ClientError `invalid_options` where there is no keyring, it is locked, or it has lost the key. The session is not
 *   kept in the clear instead: that is for the app to decide
 */
export async function createKeyringStore({ folder, service }: KeyringStoreOptions): Promise<TokenStore> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  requirePrivate(folder);
  const keyring = await openKeyring(service);
  const keyName = readKeyName(folder) ?? (await makeKey(folder, keyring));
  const encryptionKey = await keyring.read(keyName);
  if (encryptionKey === undefined) {
    throw new ClientError(
      "invalid_options",
      `folder: the keyring does not have the key that ${folder} is sealed with. Remove the folder, and sign in again.`,
    );
  }
  return createFileStore({ folder: join(folder, "session"), encryptionKey });
}

/** Its name is a file's content: whoever is the first to link that file has made the key, and all others take that one. */
async function makeKey(folder: string, keyring: Keyring): Promise<string> {
  const name = randomUUID();
  // First the key, then its name: a process that is killed between the two leaves an entry that nobody asks for.
  await keyring.write(name, randomBytes(KEY_BYTES));
  const draft = join(folder, `key-${name}`);
  writeFileSync(draft, name, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(draft, keyNamePath(folder));
    return name;
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    await keyring.remove(name);
    return readFileSync(keyNamePath(folder), "utf8");
  } finally {
    unlinkSync(draft);
  }
}

function readKeyName(folder: string): string | undefined {
  try {
    return readFileSync(keyNamePath(folder), "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function keyNamePath(folder: string): string {
  return join(folder, "key-name");
}

interface Keyring {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, key: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

async function openKeyring(service: string): Promise<Keyring> {
  const { AsyncEntry } = await import("@napi-rs/keyring").catch(() => {
    throw new ClientError("invalid_options", "createKeyringStore needs a package: npm install @napi-rs/keyring");
  });
  // The kernel's keyring, to which it would turn otherwise, forgets with the next start of the machine.
  const entry = (name: string): InstanceType<typeof AsyncEntry> =>
    new AsyncEntry(service, `${userInfo().username} ${name}`, { linux: { store: "secret-service" } });
  return {
    read: (name) =>
      asked(async () => {
        const key = await entry(name).getSecret();
        return key === null ? undefined : Uint8Array.from(key);
      }),
    write: (name, key) => asked(() => entry(name).setSecret(key)),
    remove: (name) =>
      asked(async () => {
        await entry(name).deleteCredential();
      }),
  };
}

async function asked<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    const cause = error instanceof Error ? error.message : "unknown";
    throw new ClientError(
      "invalid_options",
      `The system's keyring cannot be used (${cause}). Unlock it, or keep the session in createFileStore({ folder }).`,
    );
  }
}
