/** Ana writes in many conversations; bo, connected, waits for what she writes. */
import type { ChatClient } from "../client/chat-client.js";
import type { BenchStack } from "./stack.js";

export interface Audience {
  readonly ana: ChatClient;
  readonly conversationIds: readonly string[];
  /** Resolves when bo has heard of that many texts. */
  readonly heard: Promise<void>;
  close(): void;
}

export async function gatherAudience(stack: BenchStack, conversations: number, texts: number): Promise<Audience> {
  // What an earlier bench has left in bo's list is heard on connecting, and does not count.
  let left = Infinity;
  let allHeard: (() => void) | undefined;
  const heard = new Promise<void>((resolve) => (allHeard = resolve));
  const bo = await stack.person("bo", {
    onChange: (_, { message }) => {
      if (message !== undefined && --left === 0) allHeard?.();
    },
  });
  const ana = await stack.person("ana");
  const conversationIds: string[] = [];
  for (let n = 0; n < conversations; n++) conversationIds.push((await ana.start(["bo"])).id);
  await bo.connect();
  left = texts;
  return {
    ana,
    conversationIds,
    heard,
    close: () => {
      bo.close();
    },
  };
}
