import type { Contracts } from '../../chain/contracts/contracts.ts';
import { ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { readUnit } from '../../chain/contracts/unit.ts';
import type { DeploymentJson } from '../api.ts';

/** Reads the addresses and the currency of a deployment, once. */
export function describe(contracts: Contracts): () => Promise<DeploymentJson> {
  const read = async (): Promise<DeploymentJson> => {
    const { oracle, game, registry, referee, currency, provider } = contracts;
    const [{ chainId }, { symbol, decimals }, ...addresses] = await Promise.all([
      provider.getNetwork(),
      readUnit(currency, provider),
      ...[oracle, game, registry, referee].map((one) => one.getAddress()),
    ]);
    const [oracleAddress, gameAddress, registryAddress, refereeAddress] = addresses as [
      string,
      string,
      string,
      string,
    ];
    return {
      chainId: `${chainId}`,
      oracle: oracleAddress,
      game: gameAddress,
      registry: registryAddress,
      referee: refereeAddress,
      currency: { address: currency === ZERO_ADDRESS ? null : currency, symbol, decimals },
    };
  };
  let known: Promise<DeploymentJson> | undefined;
  return () => {
    known ??= read();
    known.catch(() => {
      known = undefined;
    });
    return known;
  };
}
