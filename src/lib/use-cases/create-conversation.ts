import { uuidv7 } from "../ids.js";
import { MAX_MEMBERS, newMember, type Head } from "../domain/conversation.js";
import type { CreateConversation } from "../contracts/http.js";
import type { ConversationShape } from "../contracts/shapes.js";
import { DayflyError } from "../errors.js";
import type { Ports } from "../ports.js";
import { admitQuietly } from "./rooms.js";
import { shapeConversation } from "./shaping.js";

/**
 * Starts a conversation of the caller and the named members. The same id again with the same content answers the same.
 * @throws input-invalid without another member or with too many, conversation-id-taken
 */
export async function createConversation(
  ports: Ports,
  caller: string,
  input: CreateConversation,
): Promise<{ created: boolean; conversation: ConversationShape }> {
  const users = [caller, ...input.members.filter((user) => user !== caller)];
  if (users.length < 2) throw membersInvalid("must name at least one member besides the caller");
  if (users.length > MAX_MEMBERS) throw membersInvalid(`with the caller there may be at most ${MAX_MEMBERS} members`);

  const createdAt = new Date(ports.clock.now());
  const conversationId = input.id ?? uuidv7();
  const head: Head = {
    conversationId,
    ...(input.title === undefined ? {} : { title: input.title }),
    createdBy: caller,
    createdAt,
    headSeq: 1,
    lastMessageSeq: 0,
  };
  const members = users.map((user) => newMember(user, 0, createdAt));

  const present = input.id === undefined ? undefined : await ports.conversations.load(conversationId);
  if (present === undefined) {
    // Before the rows that make them members: a membership without its row does not count, a row without it could not be found.
    await Promise.all(users.map((user) => ports.memberships.add(user, conversationId)));
    if (await ports.conversations.create(head, members, { seq: 1, type: "conversation.updated", at: createdAt })) {
      await admitQuietly(ports, conversationId, users);
      await ports.realtime
        .publish("conversation.updated", { conversationId, seq: 1, at: createdAt.toISOString() })
        .catch(() => undefined);
      return {
        created: true,
        conversation: shapeConversation(head, members, members[0] ?? newMember(caller, 0, createdAt), 0),
      };
    }
  }
  return { created: false, conversation: await repeated(ports, caller, conversationId, input, users) };
}

async function repeated(
  ports: Ports,
  caller: string,
  conversationId: string,
  input: CreateConversation,
  users: readonly string[],
): Promise<ConversationShape> {
  const present = await ports.conversations.load(conversationId);
  const own = present?.members.find((member) => member.user === caller);
  const same =
    present?.head.createdBy === caller &&
    present.head.title === input.title &&
    present.members.length === users.length &&
    present.members.every((member) => users.includes(member.user));
  if (!same || own === undefined)
    throw new DayflyError("conversation-id-taken", { errors: [{ pointer: "/id", detail: "is taken" }] });
  await admitQuietly(ports, conversationId, users);
  return shapeConversation(present.head, present.members, own, 0);
}

const membersInvalid = (detail: string): DayflyError =>
  new DayflyError("input-invalid", { errors: [{ pointer: "/members", detail }] });
