import { InputError } from '../files/inputError.ts';
import { parseBounded } from './arguments.ts';

const MOST_PORT = 65_535;

/** @throws InputError naming the option, for what is no port */
export const parsePort = (option: string, text: string): number => parseBounded(option, text, 0, MOST_PORT);

/** Why a server cannot have an address, and the part of it to change. */
const REASONS: Readonly<Record<string, readonly [why: string, part: 'port' | 'host']>> = {
  EADDRINUSE: ['another program uses it', 'port'],
  EACCES: ['this account may not use it', 'port'],
  EADDRNOTAVAIL: ['this machine has no such address', 'host'],
  ENOTFOUND: ['there is no such host', 'host'],
  EAI_AGAIN: ['there is no such host', 'host'],
};

/** The flags that name the port and, where it can be chosen, the host of a server. */
export interface AddressFlags {
  readonly port: string;
  readonly host?: string;
}

/**
 * Says in one line why a server cannot have its address, and which flag changes that.
 *
 * @param failure the system's error
 */
export function addressRefused(
  flags: AddressFlags,
  port: number,
  host: string,
  failure: unknown,
): InputError {
  const { code = '', message } = failure as NodeJS.ErrnoException;
  const [why, part] = REASONS[code] ?? [message, 'port'];
  return new InputError(
    `${flags.port} ${port} on ${host}: ${why}; choose another one with ${flags[part] ?? flags.port}`,
  );
}
