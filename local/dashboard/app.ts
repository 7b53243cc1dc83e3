/** The app's own API, called as anybody: locally everyone is whoever they say. */
import { get } from "./api.js";

export interface Addresses {
  readonly functions: string;
  readonly issuer: string;
}

export interface Who {
  readonly sub: string;
  readonly roles?: readonly string[];
}

export const addresses = (): Promise<Addresses> => get<Addresses>("/stack");

/** A token for whoever is asked for. */
export async function tokenFor(who: Who, { issuer }: Addresses): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(who),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** @throws Error with the problem's detail, or with what kept the app from answering */
export async function askApp<Answer>(path: string, who: Who): Promise<Answer> {
  const there = await addresses();
  const headers = { authorization: `Bearer ${await tokenFor(who, there)}` };
  const response = await fetch(there.functions + path, { headers });
  const answer = (await response.json()) as Answer & { readonly detail?: string };
  if (!response.ok) throw new Error(answer.detail ?? `HTTP ${String(response.status)}`);
  return answer;
}
