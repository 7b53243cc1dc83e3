/** `npm run local -- fault …`: trouble on demand, each as the one request to the control that it is. */
import { parseDuration } from "./clock/duration.js";

interface Fault {
  readonly usage: string;
  readonly summary: string;
  /** Undefined when the arguments make no sense. */
  readonly request: (args: readonly string[]) => FaultRequest | undefined;
}

export interface FaultRequest {
  readonly path: string;
  readonly body: unknown;
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  fail: {
    usage: "fault fail FUNCTION [TIMES]",
    summary: "its next runs fail before their code begins; 0 ends that",
    request: ([name, times = "1"]) =>
      name === undefined || !isCount(times)
        ? undefined
        : { path: "/functions/faults", body: { function: name, times: Number(times) } },
  },
  twice: {
    usage: "fault twice QUEUE [TIMES]",
    summary: "its next messages are delivered twice each",
    request: ([queue, times = "1"]) =>
      queue === undefined || !isCount(times) || Number(times) === 0
        ? undefined
        : { path: "/service-bus/faults", body: { queue, fault: "deliver-twice", times: Number(times) } },
  },
  "slow-storage": {
    usage: "fault slow-storage MORE [LENGTH]",
    summary: "each call to storage takes that much longer, for 10s unless said otherwise; off ends it",
    request: ([more = "", length = "10s"]) => {
      const [delayMs, forMs] = [parseDuration(more), parseDuration(length)];
      if (more === "off") return { path: "/storage/faults", body: {} };
      if (delayMs === undefined || forMs === undefined) return undefined;
      return { path: "/storage/faults", body: { slow: { delayMs, forMs } } };
    },
  },
  away: {
    usage: "fault away PART [LENGTH]",
    summary: "a part is killed, and started again after 10s unless said otherwise",
    request: ([part, length = "10s"]) => {
      const ms = parseDuration(length);
      if (part === undefined || ms === undefined) return undefined;
      return { path: `/parts/${part}/away`, body: { for: `PT${ms / 1_000}S` } };
    },
  },
  "drop-sockets": {
    usage: "fault drop-sockets [USER]",
    summary: "the sockets of a user, or all, lose their connection",
    request: ([userId]) => ({ path: "/web-pubsub/drop", body: userId === undefined ? { all: true } : { userId } }),
  },
};

const isCount = (text: string): boolean => /^\d{1,6}$/.test(text);
