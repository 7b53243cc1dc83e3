/** Holds every answer and every event of the tests against what is documented. A difference fails the call that met it. */
import { EVENTS, Problem } from "../../src/lib/contracts/answers.js";
import { OPERATIONS, type Operation } from "../../src/lib/contracts/api.js";
import { CATALOGUE, type ErrorCode } from "../../src/lib/errors.js";

/** `fetch`, for tests: what the API answers must be what openapi.json says. */
export const checkedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const url = new URL(input instanceof Request ? input.url : input);
  await checkAnswer(init?.method ?? "GET", url.pathname, response.clone());
  return response;
};

/** An operation that has this address; of two, the one that says more of it literally. */
export function operationOf(method: string, pathname: string): Operation | undefined {
  const segments = pathname.replace(/^\/api\//, "").split("/");
  const literal = ({ path }: Operation): number => path.split("/").filter((part) => !part.startsWith("{")).length;
  const fits = OPERATIONS.filter((operation) => {
    const template = operation.path.split("/");
    return (
      operation.method === method &&
      template.length === segments.length &&
      template.every((part, n) => part.startsWith("{") || part === segments[n])
    );
  });
  return [...fits].sort((a, b) => literal(b) - literal(a))[0];
}

export async function checkAnswer(method: string, pathname: string, response: Response): Promise<void> {
  const operation = operationOf(method, pathname);
  // What the host answers by itself has no contract: no such route, a body that is too large.
  if (operation === undefined) return;
  const text = await response.text();
  const place = `${method} ${operation.path} answered ${response.status}`;
  if (response.status in operation.answers) {
    const schema = operation.answers[response.status];
    if (schema === undefined) {
      if (text !== "") throw new Error(`${place} with a body, which is documented without one.`);
      return;
    }
    const result = schema.safeParse(JSON.parse(text));
    if (!result.success) throw new Error(`${place}, which is not as documented: ${describe(result.error.issues)}`);
    return;
  }
  if (response.status < 400) throw new Error(`${place}, which is not documented.`);
  if (text === "") return;
  const problem = Problem.safeParse(JSON.parse(text));
  if (!problem.success) throw new Error(`${place} with a problem that is none: ${describe(problem.error.issues)}`);
  const { code, status } = problem.data;
  const known = Object.hasOwn(CATALOGUE, code) ? CATALOGUE[code as ErrorCode].status : undefined;
  if (known !== response.status || status !== known)
    throw new Error(`${place} with ${code}, which has ${String(known)}.`);
}

/** For `socket.onAny`. It is called by the socket, so what it throws ends the test's process: on purpose. */
export function checkEvent(name: string, argument: unknown): void {
  if (!Object.hasOwn(EVENTS, name)) throw new Error(`The event ${name} is not documented.`);
  const result = EVENTS[name as keyof typeof EVENTS].safeParse(argument);
  if (!result.success) throw new Error(`The event ${name} is not as documented: ${describe(result.error.issues)}`);
}

/** Where and what, without what was there. */
const describe = (issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string =>
  issues.map(({ path, message }) => `/${path.join("/")} ${message}`).join("; ");
