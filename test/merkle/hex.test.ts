import { expect } from 'chai';
import { bytesOfHex, hexOf, isHex } from '../../src/merkle/hex.ts';

describe('hexadecimal', () => {
  it('has each byte as two digits, of either case, at any length', () => {
    for (const length of [0, 1, 64, 65, 255, 32_767, 32_768, 32_769, 100_001]) {
      const bytes = Uint8Array.from({ length }, (_, i) => i ^ (i >> 8));
      const hex = hexOf(bytes);
      expect(hex).to.equal(`0x${Buffer.from(bytes).toString('hex')}`);
      expect(Buffer.compare(bytesOfHex(hex), bytes), `${length} bytes`).to.equal(0);
      expect(Buffer.compare(bytesOfHex(`0x${hex.slice(2).toUpperCase()}`), bytes)).to.equal(0);
    }
  });

  it('is refused with any other character, and with half a byte', () => {
    const long = 'ab'.repeat(40_000);
    const wrong = ['', '0', '0x0', 'ab', '0xg0', '0x0g', '0x 1', '0xéé', '0x\u{130}0', '0x\u{1f600}', '0x0x'];
    for (const text of [...wrong, `0x${long}é`, `0x${long}-1`, `0x${'é'.repeat(80_000)}`]) {
      expect(isHex(text), text.slice(0, 20)).to.equal(false);
      expect(() => bytesOfHex(text)).to.throw(RangeError, 'not bytes in hexadecimal');
    }
  });

  it('attack 53: is read at the greatest length that inputs by root may have', () => {
    const bytes = new Uint8Array(2 ** 26).fill(0x5a);
    expect(Buffer.compare(bytesOfHex(hexOf(bytes)), bytes)).to.equal(0);
  }).timeout(60_000);
});
