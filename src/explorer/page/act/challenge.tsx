import { challenge } from '../../../chain/actions/actions.ts';
import type { ClaimJson, RequestJson } from '../../api.ts';
import { Amount, Countdown } from '../parts.tsx';
import { durationText } from '../words.ts';
import { Deed } from './deed.tsx';
import { confirmClaim } from './records.ts';

/** Has a wallet open a dispute on a claim. */
export function Challenge({ request, claim }: { readonly request: RequestJson; readonly claim: ClaimJson }) {
  const { claimBondWei, challengeBondWei, clockSeconds } = request.terms;
  return (
    <Deed
      verb="Challenge"
      facts={[
        ['you put up', <Amount key="bond" wei={challengeBondWei} />],
        [
          'if the claim is false, you get that back and',
          <Amount key="gain" wei={`${BigInt(claimBondWei) / 2n}`} />,
        ],
        ['if you lose, the claimant gets', <Amount key="loss" wei={challengeBondWei} />],
        ['clock of each side, all moves together', durationText(clockSeconds)],
        ['can be challenged', <Countdown key="window" deadline={claim.windowEnd} past="no longer" />],
      ]}
      risk={
        <>
          Verify the claim first: whoever challenges a right one loses the bond. A dispute is played move by
          move, and this page makes no moves: run <code>assay watch</code> with the same account and the
          model, or your clock runs out and the bond is lost.
        </>
      }
      pays
      send={async (contracts) => {
        await challenge(contracts, await confirmClaim(contracts, request, claim));
        return 'The dispute is open. Run `assay watch` with the same account now.';
      }}
    />
  );
}
