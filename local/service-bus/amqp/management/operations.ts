import { renewLock, renewSessionLock } from "./locks.js";
import type { Operation } from "./operation.js";
import { peekMessage } from "./peek-message.js";
import { receiveBySequenceNumber } from "./receive-by-sequence-number.js";
import { cancelScheduledMessage, scheduleMessage } from "./schedule.js";
import { getSessionState, setSessionState } from "./session-state.js";
import { updateDisposition } from "./update-disposition.js";

/** The operations of `$management` that are supported, by name. */
export const operations: Readonly<Record<string, Operation>> = {
  "com.microsoft:cancel-scheduled-message": cancelScheduledMessage,
  "com.microsoft:get-session-state": getSessionState,
  "com.microsoft:peek-message": peekMessage,
  "com.microsoft:receive-by-sequence-number": receiveBySequenceNumber,
  "com.microsoft:renew-lock": renewLock,
  "com.microsoft:renew-session-lock": renewSessionLock,
  "com.microsoft:schedule-message": scheduleMessage,
  "com.microsoft:set-session-state": setSessionState,
  "com.microsoft:update-disposition": updateDisposition,
};
