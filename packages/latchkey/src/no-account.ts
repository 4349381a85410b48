import { ConfigurationError } from "@latchkey/server";

export function noAccount(): ConfigurationError {
  return new ConfigurationError(
    "There is no account with that e-mail address in this database. See: latchkey users list",
  );
}
