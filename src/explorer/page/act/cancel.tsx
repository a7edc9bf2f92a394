import { cancel } from '../../../chain/actions/actions.ts';
import type { RequestJson } from '../../api.ts';
import { Amount } from '../parts.tsx';
import { Deed } from './deed.tsx';
import { confirmRequest } from './records.ts';

/** Has the wallet of a requester take a request back that nobody has answered. */
export const Cancel = ({ request }: { readonly request: RequestJson }) => (
  <Deed
    verb="Take it back"
    facts={[
      [
        'you are owed then, and can withdraw',
        <Amount key="fee" wei={`${BigInt(request.feeWei) + BigInt(request.terms.callbackFeeWei)}`} />,
      ],
    ]}
    risk="Nobody can answer it any more. If a claim on it is open by then, it only takes no further claims, and is still answered if that claim stands."
    pays={false}
    from={request.requester}
    send={async (contracts) => {
      await cancel(contracts, await confirmRequest(contracts, request));
      return 'It is taken back; the account of its requester is owed the fee.';
    }}
  />
);
