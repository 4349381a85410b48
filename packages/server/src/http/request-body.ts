import type { z } from "zod";

import type { Answer, Exchange, Handler } from "./exchange.ts";
import type { FormShape } from "./form-body.ts";
import { readFormBody } from "./form-body.ts";
import { readJsonBody, readOptionalJsonBody } from "./json-body.ts";

/** What a route takes in its body: the one schema by which requests are read, and the contract is written. */
export interface RequestBody<Value = unknown> {
  readonly mediaType: "application/json" | "application/x-www-form-urlencoded";
  readonly schema: z.ZodType<Value>;
  /** Whether a request may come without one. */
  readonly isOptional: boolean;
  /** @throws AuthError `unsupported_media_type`, `payload_too_large`, or `invalid_request` that names the field */
  readonly read: (request: Request) => Promise<Value>;
}

export function jsonBody<Value>(schema: z.ZodType<Value>): RequestBody<Value> {
  const read = (request: Request): Promise<Value> => readJsonBody(request, schema);
  return { mediaType: "application/json", schema, isOptional: false, read };
}

/** An empty body stands for an empty object. */
export function optionalJsonBody<Value>(schema: z.ZodType<Value>): RequestBody<Value> {
  const read = (request: Request): Promise<Value> => readOptionalJsonBody(request, schema);
  return { mediaType: "application/json", schema, isOptional: true, read };
}

/** A form as OAuth has it. */
export function formBody<Shape extends FormShape>(
  schema: z.ZodObject<Shape>,
): RequestBody<z.infer<z.ZodObject<Shape>>> {
  const read = (request: Request): Promise<z.infer<z.ZodObject<Shape>>> => readFormBody(request, schema);
  return { mediaType: "application/x-www-form-urlencoded", schema, isOptional: false, read };
}

/** A handler that takes a body, and reads it when it comes to that: who asks is looked at first. */
export function taking<Value>(
  takes: RequestBody<Value>,
  handle: (exchange: Exchange, read: () => Promise<Value>) => Promise<Answer>,
): Handler {
  const handler = (exchange: Exchange): Promise<Answer> => handle(exchange, () => takes.read(exchange.request));
  return Object.assign(handler, { takes });
}
