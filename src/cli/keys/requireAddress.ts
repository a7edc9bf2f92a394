import { isAddress } from 'ethers';
import { InputError } from '../../files/inputError.ts';

/** @throws InputError naming the option, for text that is no address */
export function requireAddress(option: string, text: string): void {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) {
    throw new InputError(`${option} ${text}: write an address, 0x and 40 hexadecimal digits`, 2);
  }
  if (!isAddress(text)) {
    throw new InputError(`${option} ${text}: the capitals in this address do not fit it; copy it again`, 2);
  }
}
