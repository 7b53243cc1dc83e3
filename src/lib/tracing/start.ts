/** OpenTelemetry's SDK, with an exporter. Loaded only where one is configured: it costs each cold start some milliseconds. */
import { trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import type { Tracing } from "../config.js";
import { OtlpProcessor } from "./otlp-processor.js";

/** From now on every span is recorded and sent. `dropped` hears of those that could not be. */
export function start(settings: Tracing, dropped: (count: number) => void): void {
  const provider = new TracerProvider({
    sampler: samplerOf(settings),
    spanProcessors: [new OtlpProcessor(settings, dropped)],
  });
  trace.setGlobalTracerProvider(provider);
}

/** By OpenTelemetry's names (opentelemetry.io, sdk-environment-variables, general SDK configuration). */
function samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio }: Tracing): Sampler {
  const [, parentBased, kind] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const root =
    kind === "always_on"
      ? new AlwaysOnSampler()
      : kind === "always_off"
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio);
  return parentBased === undefined ? root : new ParentBasedSampler({ root });
}
