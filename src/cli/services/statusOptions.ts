import { InputError } from '../../files/inputError.ts';
import { reasonOf } from '../../files/reason.ts';
import { serveStatus, type Told } from '../../operator/server.ts';
import { parseWhole } from '../arguments.ts';

/** Options for the metrics, health and heartbeat of a service. */
export interface StatusArguments {
  readonly metricsPort?: string;
  readonly metricsHost: string;
  readonly heartbeatSeconds: string;
}

const MOST_PORT = 65_535;
/** A day. */
const MOST_SECONDS = 86_400;

/** @throws InputError for what is no number in these bounds */
export function parseBounded(option: string, text: string, least: number, most: number): number {
  const number = Number(parseWhole(option, text));
  if (number >= least && number <= most) return number;
  throw new InputError(`${option} ${text}: write a whole number from ${least} to ${most}`, 2);
}

/** Seconds between heartbeats; 0 for none. @throws InputError for what is no such number */
export const parseHeartbeat = ({ heartbeatSeconds }: StatusArguments): number =>
  parseBounded('--heartbeat-seconds', heartbeatSeconds, 0, MOST_SECONDS);

/** @throws InputError for what is no port */
export const parsePort = ({ metricsPort }: StatusArguments): number | undefined =>
  metricsPort === undefined ? undefined : parseBounded('--metrics-port', metricsPort, 0, MOST_PORT);

/**
 * Serves metrics and health if a port is given.
 *
 * @param say told the address
 * @returns what stops it
 * @throws InputError if the port cannot be had
 */
export async function serveIfAsked(
  options: StatusArguments,
  told: Told,
  say: (line: string) => void,
): Promise<() => void> {
  const asked = parsePort(options);
  if (asked === undefined) return () => undefined;
  const { metricsHost: host } = options;
  try {
    const { port, close } = await serveStatus(told, asked, host);
    say(`metrics and health at http://${host}:${port}/metrics, /healthz and /readyz`);
    return close;
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'another program has it' : reasonOf(failure);
    throw new InputError(`--metrics-port ${asked} on ${host}: ${why}; choose another one`);
  }
}
