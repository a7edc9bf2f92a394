import { useEffect, useRef, useState } from 'preact/hooks';
import { claim } from '../../../chain/actions/actions.ts';
import type { RequestJson } from '../../api.ts';
import type { Made } from '../check/order.ts';
import { type ProgressStep, startCheck } from '../check/start.ts';
import { useDeployment } from '../live.ts';
import { Amount } from '../parts.tsx';
import { useSource } from '../source.ts';
import { Output } from '../values.tsx';
import { durationText } from '../words.ts';
import { Deed } from './deed.tsx';
import { confirmRequest } from './records.ts';

type State = { readonly kind: 'idle'; readonly trouble?: string } | ProgressStep | Made;

/** Runs a model on the input of a request in this browser, and has a wallet claim what comes out. */
export function ClaimAnswer({ request }: { readonly request: RequestJson }) {
  const { oracle } = useDeployment();
  const source = useSource();
  const [state, setState] = useState<State>({ kind: 'idle' });
  const stop = useRef<() => void>(undefined);
  useEffect(() => () => stop.current?.(), []);
  const { terms, feeWei } = request;

  const run = (): void => {
    setState({ kind: 'step', text: 'Starting' });
    const order = source.wayTo(request).then((way) => ({ task: 'answer' as const, request, oracle, way }));
    stop.current = startCheck(order, [], (news) =>
      setState(news.kind === 'finding' ? { kind: 'idle', trouble: news.sentence } : news),
    );
  };

  if (state.kind === 'made')
    return (
      <>
        {state.outputs.map((one) => (
          <Output key={one.title} {...one} />
        ))}
        <Deed
          verb="Claim it"
          facts={[
            ['you put up', <Amount key="bond" wei={terms.claimBondWei} />],
            ['if it becomes final, you get that back and', <Amount key="fee" wei={feeWei} />],
            ['it can be challenged for', durationText(terms.windowSeconds)],
            ['clock of each side of a dispute', durationText(terms.clockSeconds)],
          ]}
          risk={
            <>
              Anybody may challenge the claim, even a right one. Then you have to make moves, and this page
              makes none: run <code>assay provide</code> with the same account and the model until it is
              final, or your clock runs out and the bond is lost. Somebody who claimed the same before you
              gets the fee.
            </>
          }
          pays
          send={async (contracts) => {
            await claim(contracts, await confirmRequest(contracts, request), state.bytes);
            return 'It is claimed. Run `assay provide` with the same account until it is final.';
          }}
        />
      </>
    );
  return (
    <>
      {state.kind === 'step' ? (
        <p role="status">
          {state.text} … <progress value={state.share} aria-label="progress of the run" />
        </p>
      ) : (
        <button type="button" onClick={run}>
          Compute the answer in this browser
        </button>
      )}
      {state.kind === 'idle' && state.trouble !== undefined && (
        <p class="trouble" role="alert">
          {state.trouble}
        </p>
      )}
    </>
  );
}
