import { expect } from 'chai';
import { network } from 'hardhat';
import { expectGas } from './support/gas.ts';

describe('Tally', () => {
  it('adds what it is told to add', async () => {
    const { ethers } = await network.create();
    const tally = await ethers.deployContract('Tally');
    await expect(tally.add(3n)).to.emit(tally, 'Counted').withArgs(3n);
    await expect(tally.add(0n)).to.be.revertedWithCustomError(tally, 'StepIsZero');
    const receipt = await (await tally.add(4n)).wait();
    expectGas('adding to a tally', receipt?.gasUsed ?? 0n);
  });
});
