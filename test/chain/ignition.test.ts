import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { AbiCoder, concat, type Signer } from 'ethers';
import { network } from 'hardhat';
import { InferenceOracle__factory } from '#typechain';
import Assay from '../../ignition/modules/Assay.ts';
import { BOUNDS, type BoundsName } from '../../src/chain/deployment/bounds.ts';
import { constructorArguments } from '../../src/chain/deployment/constructorArguments.ts';
import { addressOfCreation, SALT } from '../../src/chain/deployment/createX.ts';
import { WITH_CLZ } from '../../src/chain/deployment/edition.ts';
import { release } from '../../src/chain/deployment/release.ts';

/** A file of parameters as `hardhat ignition deploy --parameters` reads it: `"123n"` is a number. */
const parametersIn = (name: string) =>
  JSON.parse(readFileSync(`ignition/parameters/${name}.json`, 'utf8'), (_, value) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  );

describe('the Ignition module', function () {
  this.timeout(120_000);
  for (const name of Object.keys(BOUNDS) as BoundsName[]) {
    it(`deploys with ${name} parameters what assay deploy does, at the same addresses`, async () => {
      const { ignition, ethers } = await network.create();
      const deployed = await ignition.deploy(Assay, {
        parameters: parametersIn(name),
        strategy: 'create2',
        strategyConfig: { salt: SALT },
      });
      const [, other] = await ethers.getSigners();
      const plan = { edition: WITH_CLZ, bounds: BOUNDS[name] };
      const { contracts, created } = await release(other as unknown as Signer, plan, { confirmations: 1 });
      expect(created).to.deep.equal([]);
      for (const part of ['registry', 'referee', 'oracle', 'game'] as const) {
        expect(await deployed[part].getAddress(), part).to.equal(await contracts[part].getAddress());
      }
      // Explorers compile the sources and compare the code with these arguments behind it.
      const oracle = (await constructorArguments(contracts)).find((one) => one.name === 'InferenceOracle')!;
      const { inputs } = InferenceOracle__factory.createInterface().deploy;
      const args = AbiCoder.defaultAbiCoder().encode(inputs, oracle.args);
      expect(addressOfCreation(concat([WITH_CLZ.oracle, args]))).to.equal(oracle.address);
    });
  }
});
