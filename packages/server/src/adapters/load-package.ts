import { ConfigurationError } from "../errors.ts";

/**
 * A package that not everybody needs, and that is not installed with this one.
 *
 * @throws ConfigurationError where the package is not installed
 */
export async function loadPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (
      !(
        error instanceof Error &&
        "code" in error &&
        error.code === "ERR_MODULE_NOT_FOUND" &&
        error.message.includes(`'${name}'`)
      )
    )
      throw error;
    throw new ConfigurationError(
      `The package ${name} is needed for this and is not installed. Install it: npm install ${name}`,
    );
  }
}
