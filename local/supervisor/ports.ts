/** Which port each part gets: the one that was set, else the usual one, else the next that is free. */
import { createServer } from "node:net";
import { StartError } from "../part.js";

export interface ChosenPort {
  readonly port: number;
  /** The usual port, when something else listens there. */
  readonly insteadOf?: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const TRIES = 200;
/**
 * Random ports come from below the range from which systems take ports for outgoing connections: so a part that is killed and
 * started again finds its port still free.
 */
const RANDOM_PORTS = { from: 10_100, to: 32_000 } as const;

/**
 * @param usual the parts' names and usual ports
 * @param environment `DAYFLY_PORT_<NAME>` sets one; `DAYFLY_PORTS=0` gives any free port to every part without its own
 * @throws StartError when a port that was set is taken or is none
 */
export async function choosePorts<Name extends string>(
  usual: Readonly<Record<Name, number>>,
  environment: Environment,
  isFree: (port: number) => Promise<boolean> = portIsFree,
): Promise<Record<Name, ChosenPort>> {
  const names = Object.keys(usual) as Name[];
  const given = new Set<number>();
  const chosen = {} as Record<Name, ChosenPort>;
  const take = async (port: number): Promise<boolean> => {
    if (given.has(port) || !(await isFree(port))) return false;
    given.add(port);
    return true;
  };
  const anyFree = async (candidates: Iterable<number>): Promise<number> => {
    for (const port of candidates) if (await take(port)) return port;
    throw new StartError("found no free port. Stop what is not needed, or set DAYFLY_PORTS=0 to look elsewhere.");
  };
  const setByHand = names.filter((name) => isSet(environment[variable(name)]));
  for (const name of setByHand) {
    const port = parsePort(variable(name), environment[variable(name)] ?? "");
    if (port === 0) chosen[name] = { port: await anyFree(randomPorts()) };
    else if (await take(port)) chosen[name] = { port };
    else {
      throw new StartError(
        `port ${port} (${variable(name)}) is taken. Stop what listens there, or set ${variable(name)} to another port.`,
      );
    }
  }
  const random = environment["DAYFLY_PORTS"] === "0";
  for (const name of names.filter((each) => !setByHand.includes(each))) {
    const wanted = usual[name];
    const port = await anyFree(random ? randomPorts() : followingPorts(wanted, new Set<number>(Object.values(usual))));
    chosen[name] = random || port === wanted ? { port } : { port, insteadOf: wanted };
  }
  return chosen;
}

/** The name of the variable that sets a part's port. */
export function variable(name: string): string {
  return `DAYFLY_PORT_${name.replace(/-|(?=[A-Z])/g, "_").toUpperCase()}`;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

function parsePort(name: string, text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port < 65_536) return port;
  throw new StartError(`${name} is ${JSON.stringify(text)}, which is no port. Set it to a number from 0 to 65535.`);
}

/** The wanted port, then those above it that are not another part's usual one. */
function* followingPorts(wanted: number, usual: ReadonlySet<number>): Iterable<number> {
  yield wanted;
  for (let port = wanted + 1; port <= wanted + TRIES; port++) if (!usual.has(port)) yield port;
}

function* randomPorts(): Iterable<number> {
  const { from, to } = RANDOM_PORTS;
  for (let n = 0; n < TRIES; n++) yield from + Math.floor(Math.random() * (to - from));
}

/** Whether one could listen there on this machine's loopback address. */
function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
