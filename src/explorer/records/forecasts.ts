import type { ClaimRecord, World } from '../../chain/contracts/world.ts';
import { forecast, type Verdict } from '../../monitor/forecast.ts';
import type { ForecastJson } from '../api.ts';

/**
 * Forecasts of open disputes, by their ids: by the clock, and where it is known whether a claim is right, by who is right.
 *
 * @param verdictOn what running a claim again said
 */
export function forecastsOf(
  { block, disputes }: Pick<World, 'block' | 'disputes'>,
  verdictOn: (claim: ClaimRecord) => Verdict,
): Map<string, ForecastJson> {
  const seen = forecast({ block, disputes, claims: new Map() }, verdictOn, Number(block.timestamp));
  return new Map(
    seen.disputes.map(({ disputeId, ifPlayed = null, ifIdle, isOvertaken, loss }) => [
      `${disputeId}`,
      {
        dispute: `${disputeId}`,
        verdict: ifPlayed === null ? 'unknown' : ifPlayed === 'claimant' ? 'right' : 'wrong',
        ...{ ifPlayed, ifIdle, isOvertaken },
        loss: loss ? { ...loss, bondWei: `${loss.bondWei}`, winsWei: `${loss.winsWei}` } : null,
      },
    ]),
  );
}
