/**
 * A file's life: uploaded, accepted, ready, and deleted once its readers have closed it. Views are its readers' rights to read it,
 * each for a limited time. Everything here is decided from the file's one row, whose ETag orders what happens to it.
 */
import type { Member } from "./conversation.js";
import { isOver, type AttachedFile } from "./message.js";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export const MAX_FILE_BYTES = 100 * 1024 * 1024;
/** How long an upload URL is good. */
export const UPLOAD_MS = 10 * MINUTE_MS;
/** From here on no upload URL is good on any server's clock (15 minutes apart at most), and an upload that is not complete never will be. */
export const UPLOAD_OVER_MS = UPLOAD_MS + 20 * MINUTE_MS;
/** How long a read URL is good: to start a download, or to ask for one more range. */
export const READ_URL_MS = 60 * SECOND_MS;
/** A view ends when nothing was heard of it for this long. */
export const LEASE_MS = 45 * SECOND_MS;
export const HEARTBEAT_SECONDS = 15;
/** How long a view outlives its socket. */
export const GRACE_MS = 30 * SECOND_MS;
/** No view lasts longer. */
export const LONGEST_VIEW_MS = 10 * MINUTE_MS;
/** A file whose scan has no result by then is refused. */
export const LONGEST_SCAN_MS = 10 * MINUTE_MS;

export type CloseReason =
  "closed" | "navigated" | "lease-expired" | "disconnected" | "max-duration" | "revoked" | "expired";

/** Why a file was deleted: closed by its readers, nobody left to read it, its time over, over without a reader, its bytes gone. */
export type DeleteReason = "closed" | "revoked" | "expired" | "never-opened" | "lost" | "unsent";

/** `closing`: its deletion is decided and not yet confirmed. */
export type FileState = "uploading" | "accepted" | "ready" | "closing" | "deleted" | "rejected";

/** One member's time-limited right to read. Times are milliseconds since the epoch. */
export interface View {
  readonly id: string;
  readonly user: string;
  /** The sender's own: it counts for nothing. */
  readonly isPreview: boolean;
  readonly openedAt: number;
  readonly leaseEndsAt: number;
  /** Whoever has it may close the view, and do nothing else. */
  readonly closeToken: string;
  /** What tells the repetition of a request whose answer was lost. */
  readonly key?: string;
  readonly socketId?: string;
  /** Its socket is gone. */
  readonly isLost?: true;
  readonly closed?: { readonly at: number; readonly reason: CloseReason };
  /** The log tells that it was closed. */
  readonly isLogged?: true;
}

export interface StoredFile extends AttachedFile {
  readonly conversationId: string;
  /** The id of its message, too. */
  readonly fileId: string;
  readonly author: string;
  /** What the sender says the content hashes to: SHA-256, hexadecimal. */
  readonly sha256?: string;
  /** A keyed hash of its content, on its way to its message. */
  readonly proof?: string;
  readonly state: FileState;
  readonly createdAt: Date;
  /** When the last upload URL ends. */
  readonly uploadUntil: Date;
  /** Something may be in the staging blob, or an upload URL may still put something there. */
  readonly isStaged: boolean;
  /** The name of the copy that readers get; gone once it is deleted. */
  readonly blob?: string;
  readonly acceptedAt?: Date;
  /** When it ends, whatever is open; later than at first while everyone has agreed to keep it. */
  readonly expiresAt: Date;
  /** Everyone has agreed to keep it: closing does not delete it. */
  readonly isHeld: boolean;
  /** The place of its message in the log, once it is delivered. */
  readonly seq?: number;
  readonly views: readonly View[];
  /** Why it is deleted, or refused: for the latter a code of the error catalogue. */
  readonly reason?: string;
  /** When it was refused or deleted; while it is closing, when that was decided. */
  readonly endedAt?: Date;
  /** The log entry that tells of its deletion. */
  readonly deletedSeq?: number;
}

export const uploadOverAt = (file: Pick<StoredFile, "uploadUntil">): number =>
  file.uploadUntil.getTime() + UPLOAD_OVER_MS - UPLOAD_MS;

const viewEndsAt = (view: View): number => view.openedAt + LONGEST_VIEW_MS;
const leaseFrom = (view: Pick<View, "openedAt">, now: number): number =>
  Math.min(now + LEASE_MS, view.openedAt + LONGEST_VIEW_MS);

/** Until when a URL for the view is good; never beyond the file's own end. */
export const urlEndsAt = (file: StoredFile, now: number): Date =>
  new Date(Math.min(now + READ_URL_MS, file.expiresAt.getTime()));

const isAlive = (view: View, now: number): boolean => view.closed === undefined && now < view.leaseEndsAt;
const readersOf = ({ views }: StoredFile): readonly View[] => views.filter(({ isPreview }) => !isPreview);

/** Whether a reader has closed it: from then on nobody can agree to keep it. */
export const hasBeenClosed = (file: StoredFile): boolean =>
  readersOf(file).some((view) => view.closed !== undefined) || file.state === "closing" || file.state === "deleted";

/** Members who were there when the file came, but for its sender: they are who it is for. */
export const recipientsOf = (
  file: Pick<StoredFile, "author" | "seq">,
  members: readonly Pick<Member, "user" | "joinedSeq">[],
): readonly string[] =>
  members.filter(({ user, joinedSeq }) => user !== file.author && joinedSeq < (file.seq ?? 0)).map(({ user }) => user);

export interface Opener {
  readonly user: string;
  readonly isRecipient: boolean;
  readonly viewId: string;
  readonly closeToken: string;
  readonly key?: string | undefined;
  readonly socketId?: string | undefined;
}

export type Opening =
  /** `again`: the view of an earlier request whose answer was lost. */
  | { readonly kind: "opened" | "again"; readonly file: StoredFile; readonly view: View }
  | {
      readonly kind: "refused";
      readonly code: "file-unknown" | "file-not-ready" | "file-deleted" | "preview-over" | "view-open" | "view-closed";
    };

const refused = (code: Extract<Opening, { kind: "refused" }>["code"]): Opening => ({ kind: "refused", code });

/** Claims the caller's one place among the readers. */
export function openView(file: StoredFile, opener: Opener, now: number): Opening {
  const isAuthor = opener.user === file.author;
  if (!isAuthor && !opener.isRecipient) return refused("file-unknown");
  if (file.state === "rejected") return refused("file-unknown");
  if (file.state === "uploading" || file.state === "accepted") return refused("file-not-ready");
  if (file.state !== "ready" || isOver(file, now)) return refused("file-deleted");
  const own = file.views.filter(({ user, closed }) => user === opener.user && !(isAuthor && closed !== undefined));
  const [present] = own;
  if (present !== undefined) {
    if (!isAlive(present, now)) return refused("view-closed");
    if (opener.key === undefined || present.key !== opener.key) return refused("view-open");
    const view = { ...present, leaseEndsAt: leaseFrom(present, now) };
    return { kind: "again", view, file: withView(file, view) };
  }
  if (isAuthor && readersOf(file).length > 0) return refused("preview-over");
  const view: View = {
    id: opener.viewId,
    user: opener.user,
    isPreview: isAuthor,
    openedAt: now,
    leaseEndsAt: now + LEASE_MS,
    closeToken: opener.closeToken,
    ...(opener.key === undefined ? {} : { key: opener.key }),
    ...(opener.socketId === undefined ? {} : { socketId: opener.socketId }),
  };
  // Of the sender's previews only the last one is kept: there is no end to them.
  const others = file.views.filter(({ user }) => user !== opener.user);
  return { kind: "opened", view, file: { ...file, views: [...others, view] } };
}

export type Beating =
  | { readonly kind: "alive"; readonly file: StoredFile; readonly view: View }
  | { readonly kind: "refused"; readonly code: "file-deleted" | "view-unknown" | "view-closed" };

/** The reader is still there. */
export function heartbeat(
  file: StoredFile,
  {
    viewId,
    user,
    socketId,
  }: { readonly viewId: string; readonly user: string; readonly socketId?: string | undefined },
  now: number,
): Beating {
  const present = file.views.find((view) => view.id === viewId && view.user === user);
  if (present === undefined) return { kind: "refused", code: "view-unknown" };
  if (file.state !== "ready" || isOver(file, now)) return { kind: "refused", code: "file-deleted" };
  if (!isAlive(present, now)) return { kind: "refused", code: "view-closed" };
  const view = {
    ...withSocket(present),
    leaseEndsAt: leaseFrom(present, now),
    ...(socketId === undefined ? {} : { socketId }),
  };
  return { kind: "alive", view, file: withView(file, view) };
}

/** What is heard of again is not lost. */
const withSocket = ({ isLost: _lost, ...view }: View): View => view;

/** Ends a view. Undefined when it has ended before, or does not exist. */
export function closeView(file: StoredFile, viewId: string, reason: CloseReason, now: number): StoredFile | undefined {
  const view = file.views.find(({ id }) => id === viewId);
  if (view === undefined || view.closed !== undefined) return undefined;
  return withView(file, closedFor(view, reason, now));
}

/** A view's socket is gone: without a heartbeat it ends after its grace. Undefined when that changes nothing. */
export function loseSocket(file: StoredFile, viewId: string, socketId: string, now: number): StoredFile | undefined {
  const view = file.views.find(({ id }) => id === viewId);
  if (view === undefined || view.closed !== undefined || view.socketId !== socketId || view.isLost) return undefined;
  return withView(file, { ...view, isLost: true, leaseEndsAt: Math.min(view.leaseEndsAt, now + GRACE_MS) });
}

/** Ends the views whose time is over, and those of users who are not members any more. */
export function closeStale(file: StoredFile, isMember: (user: string) => boolean, now: number): StoredFile {
  const views = file.views.map((view) => {
    if (view.closed !== undefined) return view;
    if (!isMember(view.user)) return closedFor(view, "revoked", now);
    return isAlive(view, now) ? view : closedFor(view, lossOf(view), now);
  });
  return { ...file, views };
}

function lossOf(view: View): CloseReason {
  if (view.leaseEndsAt >= viewEndsAt(view)) return "max-duration";
  return view.isLost ? "disconnected" : "lease-expired";
}

const closedFor = ({ isLost: _lost, ...view }: View, reason: CloseReason, now: number): View => ({
  ...view,
  closed: { at: now, reason },
  // Nobody is told of the sender's own.
  ...(view.isPreview ? { isLogged: true as const } : {}),
});

/** Closed views of which the log does not tell yet. */
export const unlogged = (file: StoredFile): readonly View[] =>
  file.views.filter((view) => view.closed !== undefined && view.isLogged === undefined);

export const withAllLogged = (file: StoredFile): StoredFile => ({
  ...file,
  views: file.views.map((view) => (view.closed === undefined ? view : { ...view, isLogged: true })),
});

/** Whether and why the file is to be deleted now. */
export function fateOf(file: StoredFile, recipients: readonly string[], now: number): DeleteReason | undefined {
  if (file.state !== "ready") return undefined;
  const readers = readersOf(file);
  if (isOver(file, now)) return readers.length === 0 ? "never-opened" : "expired";
  if (file.isHeld) return undefined;
  const closed = new Set(readers.filter((view) => view.closed !== undefined).map(({ user }) => user));
  if (file.deleteWhen === "first-close" && closed.size > 0) return "closed";
  if (recipients.some((user) => !closed.has(user))) return undefined;
  return closed.size > 0 ? "closed" : "revoked";
}

/** Everyone has agreed to keep it until then, or one of them has taken that back. */
export const withHold = (file: StoredFile, isHeld: boolean, expiresAt: Date): StoredFile => ({
  ...file,
  isHeld,
  expiresAt,
});

/** Its deletion is decided: nobody opens it any more, and what is open ends. */
export function startDeleting(file: StoredFile, reason: DeleteReason, now: number): StoredFile {
  const views = file.views.map((view) =>
    view.closed === undefined ? closedFor(view, reason === "expired" ? "expired" : "revoked", now) : view,
  );
  return withAllLogged({ ...file, views, state: "closing", reason, endedAt: new Date(now) });
}

/**
 * Since when a file whose deletion is decided was to be deleted: since its readers had closed it, or its time was over.
 * @param wasHeld it was kept by agreement: closing it then meant nothing, and what ended that is not told here
 */
export function dueForDeletionAt(file: StoredFile, wasHeld: boolean): number {
  const decidedAt = (file.endedAt ?? file.expiresAt).getTime();
  if (file.reason === "expired" || file.reason === "never-opened") return Math.min(decidedAt, file.expiresAt.getTime());
  if (file.reason !== "closed" || wasHeld) return decidedAt;
  const closes = readersOf(file).map(({ closed }) => closed?.at ?? decidedAt);
  return file.deleteWhen === "first-close" ? Math.min(...closes) : Math.max(...closes);
}

/** How the readers' views ended whose end the log, or the file's, tells of only now. */
export const endsBetween = (before: StoredFile, after: StoredFile): readonly CloseReason[] => {
  const told = new Set(before.views.filter(({ isLogged }) => isLogged).map(({ id }) => id));
  return readersOf(after).flatMap(({ id, closed, isLogged }) =>
    isLogged && closed !== undefined && !told.has(id) ? [closed.reason] : [],
  );
};

/** The storage has confirmed it. */
export function confirmDeleted({ blob: _blob, ...file }: StoredFile, at: Date, deletedSeq: number): StoredFile {
  return { ...withoutContent(file), state: "deleted", endedAt: at, deletedSeq };
}

/** A name says what was in it, and so does a hash to who has guessed it. */
const withoutContent = ({ sha256: _sha256, proof: _proof, ...file }: StoredFile): StoredFile => ({ ...file, name: "" });

export const reject = (file: StoredFile, code: string, at: Date): StoredFile => ({
  ...withoutContent(file),
  state: "rejected",
  reason: code,
  endedAt: at,
});

const withView = (file: StoredFile, changed: View): StoredFile => ({
  ...file,
  views: file.views.map((view) => (view.id === changed.id ? changed : view)),
});
