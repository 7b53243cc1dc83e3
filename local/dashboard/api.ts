/** The control's HTTP, as the page uses it. Everything here can be done with curl as well: local/README.md. */

export interface Time {
  readonly now: string;
  readonly offsetMs: number;
  readonly frozen: boolean;
}

export interface Queue {
  readonly name: string;
  readonly active: number;
  readonly locked: number;
  readonly scheduled: number;
  readonly deferred: number;
  readonly deadLetter: number;
}

export interface FunctionStatus {
  readonly name: string;
  readonly type: string;
  readonly queue?: string;
  readonly route?: string;
  readonly methods?: readonly string[];
  readonly schedule?: string;
  readonly next?: string;
}

export interface Part {
  readonly name: string;
  readonly state: string;
}

export interface Socket {
  readonly connectionId: string;
  readonly userId: string | null;
  readonly transport: string;
  readonly groups: readonly string[];
}

export interface DueItem {
  readonly at: string;
  readonly what: string;
  readonly kind: "message" | "timer";
  readonly messageId?: string;
}

export interface Peeked {
  readonly sequenceNumber: number;
  readonly messageId?: string;
  readonly state: string;
  readonly deliveryCount: number;
  readonly expiresAt?: string;
  readonly scheduledEnqueueTime?: string;
  readonly deadLetterReason?: string;
  readonly body: unknown;
}

/** @throws Error with what the control says is wrong */
export async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = (text === "" ? {} : JSON.parse(text)) as Answer & { error?: string; detail?: string };
  if (!response.ok) throw new Error(answer.error ?? answer.detail ?? `HTTP ${response.status}`);
  return answer;
}

/** @throws Error when the answer is no good one */
export async function getText(path: string): Promise<string> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.text();
}

export const get = <Answer>(path: string): Promise<Answer> => ask<Answer>("GET", path);
export const post = <Answer>(path: string, body: unknown): Promise<Answer> => ask<Answer>("POST", path, body);
