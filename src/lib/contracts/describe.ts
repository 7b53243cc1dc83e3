/**
 * The contracts as documents: OpenAPI 3.1 for the HTTP API, AsyncAPI 3.0 for the events of the socket, both from the schemas that
 * validate. zod's JSON Schema is draft 2020-12, which is OpenAPI 3.1's own.
 */
import { z } from "zod";
import { EVENTS, Problem } from "./answers.js";
import { OPERATIONS, type Operation } from "./api.js";

type Json = Readonly<Record<string, unknown>>;

const VERSION = "1";
const DESCRIPTION =
  "Conversations that are meant to be forgotten. docs/client.md says what a client has to do to stay complete.";

/** What goes in is described before it is transformed, what comes out as it is. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const described = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Record<string, unknown>;
  delete described["$schema"];
  return described;
}

export function openApi(): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    (paths[`/api/${operation.path}`] ??= {})[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Dayfly", version: VERSION, description: DESCRIPTION, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Problem: schemaOf(Problem, "output") },
      responses: {
        Problem: {
          description: "A problem detail (RFC 9457); `code` is stable, docs/errors.md explains each.",
          content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

function describe({ id, summary, access, parameters, query, body, answers }: Operation): Json {
  const responses = Object.entries(answers).map(([status, schema]) => [
    status,
    schema === undefined
      ? { description: "Done." }
      : { description: "The answer.", content: { "application/json": { schema: schemaOf(schema, "output") } } },
  ]);
  return {
    operationId: id,
    summary: access === "operator" ? `${summary} For operators.` : summary,
    security: access === "open" ? [] : [{ token: [] }],
    parameters: [...parametersOf(parameters, "path"), ...parametersOf(query, "query")],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } } }),
    responses: { ...Object.fromEntries(responses), default: { $ref: "#/components/responses/Problem" } },
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query"): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input") as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: of,
  }));
}

export function asyncApi(): Json {
  const names = Object.keys(EVENTS) as readonly (keyof typeof EVENTS)[];
  const messages = names.map((name) => [
    name,
    { name, contentType: "application/json", payload: schemaOf(EVENTS[name], "output") },
  ]);
  return {
    asyncapi: "3.0.0",
    info: { title: "Dayfly events", version: VERSION, description: DESCRIPTION },
    defaultContentType: "application/json",
    channels: {
      socket: {
        address: "/",
        description:
          "Socket.IO, namespace `/`; `POST /api/v1/realtime/negotiate` says where. Each event has one argument.",
        messages: Object.fromEntries(messages) as Json,
      },
    },
    operations: {
      hear: {
        action: "send",
        channel: { $ref: "#/channels/socket" },
        messages: names.map((name) => ({ $ref: `#/channels/socket/messages/${name}` })),
      },
    },
  };
}
