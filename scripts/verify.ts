// Shows the sources of a deployment on Etherscan, Blockscout and Sourcify, as far as each knows the chain.
//
//   npm run verify -- --network sepolia                 the deployment that is recorded for the network's chain
//   npm run verify -- --network sepolia --config hardhat.withoutClz.config.ts    one without CLZ
import { verifyContract } from '@nomicfoundation/hardhat-verify/verify';
import hre from 'hardhat';
import { connect } from '../src/chain/contracts/contracts.ts';
import { constructorArguments } from '../src/chain/deployment/constructorArguments.ts';
import { readDeployment, recordPath } from '../src/cli/connection/deployments.ts';

const EXPLORERS = ['etherscan', 'blockscout', 'sourcify'] as const;

const { ethers } = await hre.network.create();
const { chainId } = await ethers.provider.getNetwork();
const deployment = readDeployment(chainId);
if (!deployment)
  throw new Error(`no deployment is recorded in ${recordPath(chainId)}; run \`assay deploy\` first`);

const contracts = await connect(deployment.oracle, ethers.provider);
for (const { name, address, args } of await constructorArguments(contracts)) {
  for (const provider of EXPLORERS) {
    const contract = `contracts/${name}.sol:${name}`;
    try {
      await verifyContract({ address, contract, constructorArgs: [...args], provider }, hre);
      console.log(`${name} ${address}: verified on ${provider}`);
    } catch (failure) {
      console.error(`${name} ${address}: not on ${provider}: ${(failure as Error).message.split('\n')[0]}`);
      process.exitCode = 1;
    }
  }
}
