import { getBytes, keccak256 } from 'ethers';

/**
 * Whether a bloom filter of a block may hold a log of an address: false is certain, true is not.
 * Yellow Paper, section 4.4.3: of the address's hash three pairs of bytes name a bit of 2,048 each.
 *
 * @param bloom 256 bytes, `0x…`
 */
export function mayHold(bloom: string, address: string): boolean {
  const hash = getBytes(keccak256(address));
  return [0, 2, 4].every((at) => {
    const bit = ((hash[at]! << 8) | hash[at + 1]!) % 2048;
    const byte = 255 - (bit >> 3);
    return (Number.parseInt(bloom.slice(2 + 2 * byte, 4 + 2 * byte), 16) >> (bit & 7)) % 2 === 1;
  });
}
