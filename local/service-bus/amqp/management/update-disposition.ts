import { BrokerError } from "../../broker/error.js";
import type { Outcome } from "../../broker/model.js";
import { pairsOf, writePairs } from "../codec/typed.js";
import { fromUuid } from "../lock-token.js";
import { requiredText, textOf, uuidsOf, type Operation, type Request } from "./operation.js";

/** Settles by lock token, without the link that has received: SB-15. */
export const updateDisposition: Operation = async (request) => {
  const { queue, place } = request.target;
  const outcome = outcomeOf(request);
  const locks = uuidsOf(request, "lock-tokens").map((uuid) => queue.findLock(place, fromUuid(uuid)));
  await Promise.all(locks.map((lock) => queue.settle(lock, outcome)));
  return {};
};

function outcomeOf(request: Request): Outcome {
  const status = requiredText(request, "disposition-status");
  const properties = pairsOf(request.typedBody()).find(([key]) => key === "properties-to-modify")?.[1];
  const modified = writePairs(pairsOf(properties));
  switch (status) {
    case "completed":
      return { kind: "complete" };
    case "abandoned":
      return { kind: "abandon", modified };
    // The service's own spelling.
    case "defered":
      return { kind: "defer", modified };
    case "suspended":
      return {
        kind: "dead-letter",
        reason: textOf(request, "deadletter-reason"),
        description: textOf(request, "deadletter-description"),
        modified,
      };
    default:
      throw new BrokerError("argument-error", `There is no disposition '${status}'.`);
  }
}
