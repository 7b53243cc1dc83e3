/** What Ctrl-C does: the first asks for an orderly end, the second ends everything at once. */

/**
 * npm passes on a Ctrl-C that the terminal has already sent to its whole process group. Where the shell is bash (macOS, Fedora),
 * both reach this process, a millisecond apart; a loaded machine takes longer.
 */
const ECHO_MS = 500;

export interface Interrupted {
  /** Begins an orderly end. */
  stop(): void;
  kill(): void;
}

/**
 * Returns the handler of all that asks for the end.
 * @param uptime monotonic milliseconds
 */
export function interruptHandler(target: Interrupted, uptime: () => number): (source: string) => void {
  let first: { readonly source: string; readonly at: number } | undefined;
  return (source) => {
    const at = uptime();
    if (first === undefined) {
      first = { source, at };
      target.stop();
    } else if (source !== first.source || at - first.at > ECHO_MS) target.kill();
  };
}
