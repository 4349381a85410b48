import { rolldown } from "rolldown";

/** The scripts of a page, by path: its own, and those that come later. */
export async function bundleScripts(input: string): Promise<ReadonlyMap<string, string>> {
  const bundle = await rolldown({
    input: { page: input },
    platform: "browser",
    resolve: { conditionNames: ["@latchkey/source", "import", "browser", "default"] },
    transform: { define: { "process.env.NODE_ENV": '"development"' } },
  });
  const { output } = await bundle.generate({ format: "esm" });
  await bundle.close();
  return new Map(output.flatMap((file) => (file.type === "chunk" ? [[`/${file.fileName}`, file.code]] : [])));
}
