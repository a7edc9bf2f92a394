import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

const ZERO_ADDRESS = `0x${'00'.repeat(20)}`;

/**
 * The protocol's contracts. `currency` is a token's address; zero, which is ether, if it is left out. The bounds are in
 * ignition/parameters; the oracle creates its game itself.
 */
export default buildModule('Assay', (module) => {
  const registry = module.contract('ModelRegistry');
  const referee = module.contract('Referee');
  const oracle = module.contract('InferenceOracle', [
    registry,
    referee,
    module.getParameter('currency', ZERO_ADDRESS),
    module.getParameter('min'),
    module.getParameter('max'),
  ]);
  const game = module.contractAt('DisputeGame', module.staticCall(oracle, 'game'));
  return { registry, referee, oracle, game };
});
