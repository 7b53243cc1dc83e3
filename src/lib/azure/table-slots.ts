/** The texts that a user has waiting: a partition of their own beside the user's conversations, in the table `memberships`. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Slot, Slots } from "../ports.js";
import { callingStorage, firstRows, unlessMissing, userKey } from "./tables.js";

interface SlotRow {
  at: string;
}

export function tableSlots(table: TableClient): Slots {
  const partition = (user: string): string => `${userKey(user)}|scheduled`;
  const key = ({ conversationId, messageId }: Slot): string => `${conversationId}|${messageId}`;
  return {
    add: (user, slot, at) =>
      callingStorage(async () => {
        const row = { partitionKey: partition(user), rowKey: key(slot), at: at.toISOString() };
        await table.upsertEntity<SlotRow>(row, "Replace");
      }),
    remove: (user, slot) =>
      callingStorage(async () => {
        await unlessMissing(() => table.deleteEntity(partition(user), key(slot)));
      }),
    list: (user, limit) =>
      callingStorage(async () => {
        const found = await firstRows<SlotRow>(table, odata`PartitionKey eq ${partition(user)}`, limit);
        return found.map(({ rowKey, at }) => {
          const [conversationId = "", messageId = ""] = rowKey.split("|");
          return { conversationId, messageId, at: new Date(at) };
        });
      }),
  };
}
