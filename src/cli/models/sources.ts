import { homedir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../files/inputError.ts';
import { Getter } from '../../store/remote/getter.ts';
import { IPFS_GATEWAYS, locationsOf } from '../../store/remote/locations.ts';

/** Where models and inputs come from, and where they are kept. */
export interface SourceOptions {
  readonly data?: string;
  readonly ipfsGateway?: readonly string[];
  readonly mirror?: readonly string[];
  readonly allowPrivate?: boolean;
}

export interface Sources {
  readonly getter: Getter;
  readonly gateways: readonly string[];
  readonly mirrors: readonly string[];
}

/** The folder for everything that is kept, unless another is named: as the XDG Base Directory Specification says. */
export const dataFolder = ({ data }: SourceOptions): string =>
  data ?? join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'assay');

/** @throws InputError for what is no http or https URL */
function requireUrl(option: string, text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InputError(`${option} ${text}: write an http or https URL`, 2);
  }
  return text;
}

/** @throws InputError for a gateway or mirror that is no URL */
export function sourcesOf({ ipfsGateway = [], mirror = [], allowPrivate = false }: SourceOptions): Sources {
  const gateways = ipfsGateway.map((url) => requireUrl('--ipfs-gateway', url));
  for (const uri of mirror) {
    try {
      locationsOf(uri);
    } catch (error) {
      throw new InputError(`--mirror: ${(error as Error).message}`, 2);
    }
  }
  // The operator named these, so they may be machines of its own.
  const trustedOrigins = [...gateways, ...mirror.filter((uri) => /^https?:/.test(uri))];
  return {
    getter: new Getter({ allowPrivate, trustedOrigins }),
    gateways: gateways.length > 0 ? gateways : IPFS_GATEWAYS,
    mirrors: mirror,
  };
}
