import { z } from "zod";

/** The schemas of a description, each written once under a name and referred to everywhere else. */
export interface NamedSchemas {
  /** @param name for one that has none yet */
  refer(schema: z.ZodType, name: string): object;
  /** By name, as JSON Schema (2020-12). */
  all(): object;
}

export function collectSchemas(named: Readonly<Record<string, z.ZodType>>): NamedSchemas {
  const registry = z.registry<{ readonly id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const uri = (id: string): string => `#/components/schemas/${id}`;
  return {
    refer(schema, name) {
      if (!registry.has(schema)) registry.add(schema, { id: name.charAt(0).toUpperCase() + name.slice(1) });
      return { $ref: uri(registry.get(schema)?.id ?? name) };
    },
    all() {
      const { schemas } = z.toJSONSchema(registry, { uri, io: "input" });
      return Object.fromEntries(
        Object.entries(schemas).map(([id, { $schema: _dialect, $id: _uri, ...schema }]) => [id, schema]),
      );
    },
  };
}
