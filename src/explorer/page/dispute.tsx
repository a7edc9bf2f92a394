import type { DisputeJson, DisputePageJson, ForecastJson, MoveJson } from '../api.ts';
import { useApi } from './live.ts';
import { Account, Amount, Card, Countdown, Ending, Facts, Hash, Model, Shown, Table } from './parts.tsx';
import { Walk } from './walk.tsx';
import { durationText } from './words.ts';

/** The state of a dispute, and its end if nobody moves. */
function Outlook({ dispute }: { readonly dispute: DisputeJson }) {
  const { ended, turn } = dispute;
  if (ended)
    return (
      <>
        <Ending ended={ended} /> {ended.sentence}
      </>
    );
  if (!turn) return null;
  if (turn.isOvertaken)
    return <>Another dispute has shown that the claim is false; the challenger gets its bond back.</>;
  const other = turn.mover === 'claimant' ? 'challenger' : 'claimant';
  return (
    <>
      <span class="chip disputed">open</span> The {turn.mover} has to move:{' '}
      <Countdown deadline={turn.deadline} past="its clock has run out" />. If it does not, the {other} wins.
    </>
  );
}

const FOUND: Readonly<Record<ForecastJson['verdict'], string>> = {
  right: 'The server ran the claim again and found it right: if both play, the claimant wins.',
  wrong: 'The server ran the claim again and found it wrong: if both play, the challenger wins.',
  unknown: 'Nobody here has run the claim again, so it is known only how the clocks run.',
};

/** The end of a dispute as things stand. */
function Forecast({ forecast, dispute }: { readonly forecast: ForecastJson; readonly dispute: DisputeJson }) {
  const { verdict, ifPlayed, ifIdle, loss, isOvertaken } = forecast;
  return (
    <Card title="How it will end">
      {!isOvertaken && <p>{FOUND[verdict]}</p>}
      <Facts
        rows={[
          ['if both play', ifPlayed === null ? 'not known' : `the ${ifPlayed} wins`],
          [`if the ${dispute.turn?.mover ?? 'mover'} does nothing more`, `the ${ifIdle} wins`],
          ...(loss
            ? [
                ['as things stand, the loser is', <Account key="loser" address={loss.loser} />] as const,
                ['which loses', <Amount key="bond" wei={loss.bondWei} />] as const,
                ['of which the other side gets', <Amount key="wins" wei={loss.winsWei} />] as const,
              ]
            : []),
        ]}
      />
      <p class="note">A forecast decides nothing: verify the claim yourself.</p>
    </Card>
  );
}

function DisputeFacts({ dispute }: { readonly dispute: DisputeJson }) {
  const { turn } = dispute;
  return (
    <Facts
      rows={[
        ['claim', <a key="claim" href={`#/request/${dispute.request}`}>{`on request ${dispute.request}`}</a>],
        ['model', <Model key="model" id={dispute.model} />],
        ['claimant', <Account key="claimant" address={dispute.claimant} />],
        ['bond of the claimant', <Amount key="cb" wei={dispute.claimBondWei} />],
        ['challenger', <Account key="challenger" address={dispute.challenger} />],
        ['bond of the challenger', <Amount key="hb" wei={dispute.challengeBondWei} />],
        ...(turn
          ? [
              ["claimant's clock", durationText(turn.claimantSecondsLeft)] as const,
              ["challenger's clock", durationText(turn.challengerSecondsLeft)] as const,
            ]
          : []),
      ]}
    />
  );
}

const grouped = (n: number): string => n.toLocaleString('en-US');

function Moves({ moves }: { readonly moves: readonly MoveJson[] }) {
  const gasOf = new Map(moves.map(({ transaction, gas }) => [transaction, gas]));
  const total = [...gasOf.values()].reduce((sum, gas) => sum + gas, 0);
  return (
    <Table label="Moves" head={['by', 'move', 'gas', 'block', 'transaction']}>
      {moves.map(({ transaction, block, by, sentence, gas, shared }, i) => (
        <tr key={i}>
          <td>{by}</td>
          <td class="wide">{sentence}</td>
          <td class="number">{shared > 0 ? `${grouped(gas)}, with ${shared} more` : grouped(gas)}</td>
          <td class="number">{grouped(block)}</td>
          <td>
            <Hash hex={transaction} />
          </td>
        </tr>
      ))}
      <tr>
        <td />
        <td>together</td>
        <td class="number">{grouped(total)}</td>
        <td />
        <td />
      </tr>
    </Table>
  );
}

/** A dispute as a picture: the walk down to one piece of arithmetic, and its moves. */
export function Dispute({ id }: { readonly id: string }) {
  const read = useApi<DisputePageJson>(`/api/disputes/${id}`);
  return (
    <>
      <h1>Dispute {id}</h1>
      <Shown read={read}>
        {({ dispute, forecast, moves, walk, leaf }) => (
          <>
            <p class="outlook">
              <Outlook dispute={dispute} />
            </p>
            {forecast && <Forecast forecast={forecast} dispute={dispute} />}
            <Card title="The walk to the first difference">
              <Walk walk={walk} leaf={leaf} />
            </Card>
            <Card title="Moves">
              <Moves moves={moves} />
            </Card>
            <Card title="Who plays for what">
              <DisputeFacts dispute={dispute} />
            </Card>
          </>
        )}
      </Shown>
    </>
  );
}
