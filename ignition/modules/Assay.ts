import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

/** The protocol's contracts. The bounds are in ignition/parameters; the oracle creates its game itself. */
export default buildModule('Assay', (module) => {
  const registry = module.contract('ModelRegistry');
  const referee = module.contract('Referee');
  const oracle = module.contract('InferenceOracle', [
    registry,
    referee,
    module.getParameter('min'),
    module.getParameter('max'),
  ]);
  const game = module.contractAt('DisputeGame', module.staticCall(oracle, 'game'));
  return { registry, referee, oracle, game };
});
