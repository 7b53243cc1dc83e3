/** An answer that says what is wrong with a call, as the service does: `{code, message}`, and the code in `x-ms-error-code`. */
export class RestProblem extends Error {
  override readonly name = "RestProblem";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export function badRequest(message: string, code = "BadRequest"): RestProblem {
  return new RestProblem(400, code, message);
}

export function notFound(message: string): RestProblem {
  return new RestProblem(404, "NotFound", message);
}
