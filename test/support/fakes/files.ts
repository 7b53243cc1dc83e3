/** The ports of files in memory: blobs by name, lists of what lives. Each call is a step of the world's, and may be its last. */
import type { StoredFile } from "../../../src/lib/domain/file.js";
import type { FileName, Ports, SocketView, Usage, Verdict } from "../../../src/lib/ports.js";

type Step = <Result>(name: string, act: () => Result) => Promise<Result>;

export interface FakeBlob {
  readonly bytes: Uint8Array;
  readonly modifiedAt: Date;
  readonly headers?: { readonly contentType: string; readonly disposition: string };
}

export class FakeFiles {
  readonly staging = new Map<string, FakeBlob>();
  readonly files = new Map<string, FakeBlob>();
  /** When each was added, by `conversation/file`. */
  readonly live = new Map<string, Date>();
  readonly sockets = new Map<string, Map<string, SocketView>>();
  readonly usage = new Map<string, Usage>();
  readonly urls: string[] = [];
  verdict: Verdict = "clean";
  readonly ports: Pick<Ports, "blobs" | "liveFiles" | "scanner" | "socketViews" | "usages">;

  constructor(step: Step, now: () => number) {
    const nameOf = ({ conversationId, fileId }: FileName): string => `${conversationId}/${fileId}`;
    const fileOf = (name: string): FileName => ({
      conversationId: name.slice(0, 36),
      fileId: name.slice(37, 73),
    });
    const socket = (id: string): Map<string, SocketView> => {
      const views = this.sockets.get(id) ?? new Map<string, SocketView>();
      this.sockets.set(id, views);
      return views;
    };
    const blob = (bytes: Uint8Array): FakeBlob => ({ bytes, modifiedAt: new Date(now()) });
    const urlOf = (what: string): string => {
      this.urls.push(what);
      return what;
    };
    this.ports = {
      blobs: {
        uploadUrl: (staged) => step("uploadUrl", () => ({ url: urlOf(`create:${staged}`), headers: {} })),
        stagedSize: (staged) => step("stagedSize", () => this.staging.get(staged)?.bytes.length),
        copy: (staged, name) =>
          step("copy", () => {
            const source = this.staging.get(staged);
            if (source === undefined) return false;
            if (!this.files.has(name)) this.files.set(name, blob(source.bytes));
            return true;
          }),
        contents: (name) =>
          step("contents", async function* () {
            await Promise.resolve();
            yield files.get(name)?.bytes ?? new Uint8Array();
          }),
        dress: (name, headers) =>
          step(
            "dress",
            () => void this.files.set(name, { ...(this.files.get(name) ?? blob(new Uint8Array())), headers }),
          ),
        readUrl: (name) => step("readUrl", () => urlOf(`read:${name}`)),
        remove: (name) => step("remove", () => void this.files.delete(name)),
        emptyStaging: (staged) => step("emptyStaging", () => void this.staging.set(staged, blob(new Uint8Array()))),
        removeStaging: (staged) => step("removeStaging", () => void this.staging.delete(staged)),
        list: async function* (container) {
          const blobs = container === "files" ? files : staging;
          yield await step("list", () => [...blobs].map(([name, { modifiedAt }]) => ({ name, modifiedAt })));
        },
      },
      liveFiles: {
        add: (file) => step("live.add", () => void this.live.set(nameOf(file), new Date(now()))),
        remove: (file) => step("live.remove", () => void this.live.delete(nameOf(file))),
        of: (id) =>
          step("live.of", () =>
            [...this.live.keys()].map(fileOf).flatMap((file) => (file.conversationId === id ? [file.fileId] : [])),
          ),
        page: (after, limit) =>
          step("live.page", () =>
            [...this.live]
              .filter(([name]) => after === undefined || name > nameOf(after))
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .slice(0, limit)
              .map(([name, addedAt]) => ({ ...fileOf(name), addedAt })),
          ),
      },
      scanner: { verdictOn: () => step("verdictOn", () => this.verdict) },
      socketViews: {
        add: (id, view) => step("socket.add", () => void socket(id).set(view.viewId, view)),
        remove: (id, view) => step("socket.remove", () => void socket(id).delete(view.viewId)),
        of: (id) => step("socket.of", () => [...socket(id).values()]),
      },
      usages: {
        remove: (user) =>
          step("usage.remove", () => {
            for (const key of [...this.usage.keys()]) if (key.startsWith(`${user} `)) this.usage.delete(key);
          }),
        take: (user, day, more, most) =>
          step("usage.take", () => {
            const used = this.usage.get(`${user} ${day}`) ?? { files: 0, bytes: 0 };
            const next = { files: used.files + more.files, bytes: used.bytes + more.bytes };
            const taken = next.files <= most.files && next.bytes <= most.bytes;
            if (taken) this.usage.set(`${user} ${day}`, next);
            return { ...used, taken };
          }),
      },
    };
    const { files, staging } = this;
  }

  /** As a client does with its upload URL: creates, and never overwrites. False when something is there. */
  put(
    { conversationId, fileId }: Pick<StoredFile, "conversationId" | "fileId">,
    bytes: Uint8Array,
    at: number,
  ): boolean {
    const staged = `${conversationId}/${fileId}`;
    if (this.staging.has(staged)) return false;
    this.staging.set(staged, { bytes, modifiedAt: new Date(at) });
    return true;
  }
}
