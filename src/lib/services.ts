/** Where the parts are put together: once per process, on the first call. */
import { setTimeout as wait } from "node:timers/promises";
import { authenticator, type Authenticate } from "./http/authenticate.js";
import { limitsOf, type Limits } from "./http/limits.js";
import { rateLimiter } from "./use-cases/rate-limiter.js";
import { metrics } from "./metrics.js";
import { upstreamOf, type Upstream } from "./http/upstream.js";
import { readConfig, readTracing } from "./config.js";
import { describeError } from "./describe-error.js";
import { evidenceOf } from "./evidence.js";
import type { Clock, Dependency, Ports, Recent } from "./ports.js";
import { redactLogs } from "./azure/redact-logs.js";
import { openServiceBus } from "./azure/service-bus-client.js";
import { serviceBusParked } from "./azure/service-bus-parked.js";
import { blobStorage, openBlobService } from "./azure/blob-storage.js";
import { scanner } from "./azure/scanners.js";
import { serviceBusQueues } from "./azure/service-bus-queues.js";
import { tableAudit } from "./azure/table-audit.js";
import { tableBlocks } from "./azure/table-blocks.js";
import { tableBuckets } from "./azure/table-buckets.js";
import { tableConversations } from "./azure/table-conversations.js";
import { tableDues } from "./azure/table-dues.js";
import { tableErasures } from "./azure/table-erasures.js";
import { tableFailures } from "./azure/table-failures.js";
import { tableFormer } from "./azure/table-former.js";
import { tableJobs } from "./azure/table-jobs.js";
import { tableLiveFiles, tableSocketViews } from "./azure/table-files.js";
import { tableMemberships } from "./azure/table-memberships.js";
import { tableReports } from "./azure/table-reports.js";
import { tableRuns } from "./azure/table-runs.js";
import { tableSlots } from "./azure/table-slots.js";
import { openTable, probeTable } from "./azure/tables.js";
import { tableUsages } from "./azure/table-usages.js";
import { webPubSubRealtime } from "./azure/web-pubsub-realtime.js";
import { atMost } from "./use-cases/at-most.js";
import { webhook } from "./webhook.js";

export interface Services {
  readonly limits: Limits;
  readonly ports: Ports;
  readonly authenticate: Authenticate;
  readonly upstream: Upstream;
  readonly dependencies: readonly Dependency[];
}

const clock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  wait: async (ms) => {
    await wait(ms);
  },
};

const HOUR_MS = 3_600_000;
/** Of 32 deadlines that a host meets at once: some 16 texts each, in a few calls. */
const PURGES_AT_ONCE = 4;

const DAY_MS = 24 * HOUR_MS;

/** As many conversation-minutes as a busy process sees in a few minutes. */
const REMEMBERED = 10_000;

function recent(): Recent {
  const keys = new Set<string>();
  return {
    has: (key) => keys.has(key),
    add: (key) => {
      keys.add(key);
      // A set keeps the order in which it was filled.
      const [oldest] = keys;
      if (keys.size > REMEMBERED && oldest !== undefined) keys.delete(oldest);
    },
  };
}

const measured = metrics();

let starting: Promise<void> | undefined;

/** Resolves when spans are recorded, where an exporter is configured. Never rejects: without it everything else works. */
export function tracing(): Promise<void> {
  starting ??= startTracing().catch((error: unknown) => {
    console.warn("Tracing could not be started:", describeError(error));
  });
  return starting;
}

async function startTracing(): Promise<void> {
  const settings = readTracing();
  if (settings === undefined) return;
  // Only who has a collector pays for OpenTelemetry's SDK (docs/adr/0010).
  const { start } = await import("./tracing/start.js");
  start(settings, (count) => {
    measured.count("dayfly_spans_dropped_total", count);
  });
}

let building: Promise<Services> | undefined;

/** All services. A failed start is not kept: a setting or an identity may be there the next time. */
export function services(): Promise<Services> {
  building ??= build().catch((error: unknown) => {
    building = undefined;
    throw error;
  });
  return building;
}

async function build(): Promise<Services> {
  redactLogs();
  const config = readConfig();
  const [
    conversations,
    memberships,
    dues,
    runs,
    failures,
    jobs,
    erasures,
    reports,
    audit,
    buckets,
    blocks,
    files,
    usages,
    blobService,
    bus,
    realtime,
  ] = await Promise.all([
    openTable(config, "conversations"),
    openTable(config, "memberships"),
    openTable(config, "due"),
    openTable(config, "runs"),
    openTable(config, "failures"),
    openTable(config, "jobs"),
    openTable(config, "erasures"),
    openTable(config, "reports"),
    openTable(config, "audit"),
    openTable(config, "buckets"),
    openTable(config, "blocks"),
    openTable(config, "files"),
    openTable(config, "usages"),
    openBlobService(config),
    openServiceBus(config),
    webPubSubRealtime(config, clock.now),
  ]);
  const queues = serviceBusQueues(bus, clock.now);
  const sharedBuckets = tableBuckets(buckets, clock.now);
  const blobs = blobStorage(blobService, clock.now);
  return {
    ports: {
      conversations: tableConversations(conversations),
      memberships: tableMemberships(memberships),
      former: tableFormer(memberships),
      slots: tableSlots(memberships),
      dues: tableDues(dues),
      forgetting: tableDues(dues, "forget|"),
      purging: atMost(PURGES_AT_ONCE),
      runs: tableRuns(runs),
      failures: tableFailures(failures),
      parked: serviceBusParked(bus),
      jobs: tableJobs(jobs),
      erasures: tableErasures(erasures),
      reports: tableReports(reports),
      evidence: evidenceOf(config.REPORT_KEYS),
      audit: tableAudit(audit),
      blocks: tableBlocks(blocks),
      buckets: sharedBuckets,
      liveFiles: tableLiveFiles(files),
      socketViews: tableSocketViews(files),
      usages: tableUsages(usages),
      blobs,
      scanner: scanner(blobService, config.FILE_SCANNER),
      queues,
      realtime,
      hook:
        config.HOOK_URL === undefined || config.HOOK_SECRET === undefined
          ? undefined
          : webhook(config.HOOK_URL, config.HOOK_SECRET, clock.now),
      recent: recent(),
      metrics: measured,
      clock,
      policy: {
        textLifetimeMs: config.TEXT_HOURS * HOUR_MS,
        retentionMs: config.RETENTION_DAYS * DAY_MS,
        auditMs: config.AUDIT_DAYS * DAY_MS,
        hookAfterMs: config.HOOK_AFTER_SECONDS * 1_000,
        fileLifetimeMs: config.FILE_HOURS * HOUR_MS,
        fileTypes: config.FILE_TYPES,
        filesPerDay: { files: config.FILES_PER_DAY, bytes: config.FILE_BYTES_PER_DAY },
      },
    },
    limits: limitsOf(
      rateLimiter({ buckets: sharedBuckets, clock, metrics: measured }, config.RATE_LIMIT_FACTOR),
      config.TRUSTED_PROXIES,
    ),
    authenticate: authenticator({
      issuer: config.AUTH_ISSUER,
      audience: config.AUTH_AUDIENCE,
      userClaim: config.AUTH_USER_CLAIM,
      rolesClaim: config.AUTH_ROLES_CLAIM,
    }),
    upstream: upstreamOf(config),
    dependencies: [
      { name: "table-storage", probe: () => probeTable(conversations) },
      { name: "blob-storage", probe: () => blobs.probe() },
      { name: "service-bus", probe: () => queues.probe() },
      { name: "web-pubsub", probe: () => realtime.probe() },
    ],
  };
}
