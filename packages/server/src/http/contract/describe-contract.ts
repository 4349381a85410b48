import { authorizationServerMetadataUrl, ERRORS } from "@latchkey/protocol";

import type { HttpContext, Route } from "../exchange.ts";
import { NAMED, REFUSAL } from "./answers.ts";
import { securitySchemes, waysToBe } from "./callers.ts";
import type { NamedSchemas } from "./named-schemas.ts";
import { collectSchemas } from "./named-schemas.ts";

/** What of an authority its description depends on. */
type Described = Pick<HttpContext, "issuer" | "cookies" | "isRevocationFeedPublic">;

/** Of the contract, not of the software: which that is, is nobody's business. */
const VERSION = "1";

/**
 * Describes routes by OpenAPI 3.1. What they take is said by the schemas they read it with, so that the two cannot differ.
 */
export function describeContract(routes: readonly Route[], authority: Described): object {
  const schemas = collectSchemas(NAMED);
  const paths = [...Map.groupBy(routes, ({ path }) => templateOf(path))].map(([template, ofPath]) => [
    template,
    Object.fromEntries(ofPath.map((route) => [route.method.toLowerCase(), operationOf(route, authority, schemas)])),
  ]);
  return {
    openapi: "3.1.1",
    info: { title: "Latchkey", version: VERSION, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: authority.issuer }],
    paths: Object.fromEntries(paths) as object,
    components: {
      securitySchemes: securitySchemes(authority.cookies),
      responses: { Refusal: refusal(schemas) },
      schemas: schemas.all(),
    },
    externalDocs: {
      url: authorizationServerMetadataUrl(authority.issuer),
      description: "The authority's metadata, where RFC 8414 looks for it.",
    },
  };
}

function operationOf(route: Route, { isRevocationFeedPublic }: Described, schemas: NamedSchemas): object {
  const { method, path, summary, caller, heeds = [], answers, handle } = route;
  const operationId = operationIdOf(method, path);
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true }));
  const parameters = [...inPath, ...heeds].map((parameter) => ({ ...parameter, schema: { type: "string" } }));
  const { takes } = handle;
  const requestBody = takes && {
    required: !takes.isOptional,
    content: { [takes.mediaType]: { schema: schemas.refer(takes.schema, `${operationId}Body`) } },
  };
  const responses = Object.entries(answers).map(([status, content]) => [
    status,
    {
      description: STATUS_TEXTS[status] ?? "",
      content: Object.fromEntries(
        Object.entries(content).map(([mediaType, schema]) => [
          mediaType,
          { schema: schemas.refer(schema, `${operationId}Answer`) },
        ]),
      ),
    },
  ]);
  return {
    operationId,
    summary,
    ...(caller !== undefined && { security: waysToBe(caller, isRevocationFeedPublic) }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody !== undefined && { requestBody }),
    responses: { ...(Object.fromEntries(responses) as object), default: { $ref: "#/components/responses/Refusal" } },
  };
}

const STATUS_TEXTS: Readonly<Record<string, string>> = {
  200: "OK",
  201: "Made",
  202: "Accepted",
  204: "Done",
  303: "See other",
  304: "Not modified",
};

/** Every refusal has the same form; its code says what to do. */
function refusal(schemas: NamedSchemas): object {
  const codes = Object.entries(ERRORS).map(
    ([code, { status, description }]) => `- ${status} \`${code}\`: ${description}`,
  );
  return {
    description: `A refusal. \`error\` is one of:\n\n${codes.join("\n")}`,
    content: { "application/json": { schema: schemas.refer(REFUSAL, "Refusal") } },
  };
}

function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

/** `DELETE /auth/tokens/:id` is `deleteAuthTokensById`. */
function operationIdOf(method: string, path: string): string {
  const words = path.replaceAll(/:(\w+)/g, "by $1").split(/[^A-Za-z0-9]+/);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
