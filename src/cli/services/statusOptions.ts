import { serveStatus, type Told } from '../../operator/server.ts';
import { parseBounded } from '../arguments.ts';
import { addressRefused, parsePort } from '../ports.ts';

/** Options for the metrics, health and heartbeat of a service. */
export interface StatusArguments {
  readonly metricsPort?: string;
  readonly metricsHost: string;
  readonly heartbeatSeconds: string;
}

/** A day. */
const MOST_SECONDS = 86_400;

/** Seconds between heartbeats; 0 for none. @throws InputError for what is no such number */
export const parseHeartbeat = ({ heartbeatSeconds }: StatusArguments): number =>
  parseBounded('--heartbeat-seconds', heartbeatSeconds, 0, MOST_SECONDS);

/** @throws InputError for what is no port */
export const parseMetricsPort = ({ metricsPort }: StatusArguments): number | undefined =>
  metricsPort === undefined ? undefined : parsePort('--metrics-port', metricsPort);

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
  const asked = parseMetricsPort(options);
  if (asked === undefined) return () => undefined;
  const { metricsHost: host } = options;
  try {
    const { port, close } = await serveStatus(told, asked, host);
    say(`metrics and health at http://${host}:${port}/metrics, /healthz and /readyz`);
    return close;
  } catch (failure) {
    throw addressRefused({ port: '--metrics-port', host: '--metrics-host' }, asked, host, failure);
  }
}
