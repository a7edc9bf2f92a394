import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CALLBACK_STATUS, CLAIM_STATUS, REQUEST_STATUS } from '../../src/chain/contracts/status.ts';

const SOURCE = readFileSync('contracts/interfaces/IInferenceOracle.sol', 'utf8');

/** Members of an enum in the contracts' source with their codes, in order. */
function codesOf(name: string): Record<string, bigint> {
  const body = SOURCE.match(new RegExp(`^enum ${name} \\{([^}]*)\\}`, 'm'))?.[1];
  if (body === undefined) throw new Error(`there is no enum ${name}`);
  const members = body.replace(/\/\/.*$/gm, '').match(/\w+/g) ?? [];
  return Object.fromEntries(members.map((member, i) => [member.toLowerCase(), BigInt(i)]));
}

describe('codes of states', () => {
  for (const [name, codes] of [
    ['RequestStatus', REQUEST_STATUS],
    ['ClaimStatus', CLAIM_STATUS],
    ['CallbackStatus', CALLBACK_STATUS],
  ] as const) {
    it(`are those of the enum ${name} in Solidity`, () => {
      expect(Object.entries(codes)).to.deep.equal(Object.entries(codesOf(name)));
    });
  }
});
