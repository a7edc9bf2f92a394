import { expect } from 'chai';

/** `closeTo` for fractions; where matchers for ethers are loaded, that one takes whole numbers only. */
export function expectNear(actual: number, expected: number, tolerance: number, what = 'value'): void {
  expect(Math.abs(actual - expected), `${what}: distance of ${actual} from ${expected}`).to.be.at.most(
    tolerance,
  );
}
