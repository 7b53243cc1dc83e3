import type { Ports, Trace } from "./ports.js";

/** The ports as one invocation has them: what it publishes belongs to its trace, unless the use case names another. */
export const within = (ports: Ports, trace: Trace): Ports => ({
  ...ports,
  realtime: {
    ...ports.realtime,
    publish: (name, event, options) => ports.realtime.publish(name, event, { trace, ...options }),
  },
});
