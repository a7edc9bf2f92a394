import type { Log, LogDescription } from 'ethers';
import { IDisputeGame__factory } from '#typechain';
import { amountText, ETHER, type Unit } from '../../chain/contracts/unit.ts';
import { gasOf, type Report } from '../../chain/messages/report.ts';
import { explainMove, explainOutcome } from '../../dispute/explain.ts';
import { REASONS, type Reason } from '../../dispute/rules.ts';
import type { Fields } from '../../operator/log.ts';

const game = IDisputeGame__factory.createInterface();
const ENDED = game.getEvent('Ended').topicHash;

/** An event of the end of a dispute; undefined for a log of a token or of anybody that only looks like one. */
function endIn(log: Log): LogDescription | undefined {
  if (log.topics[0] !== ENDED) return undefined;
  try {
    return game.parseLog(log) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Outcome of a dispute that ended in the reported transaction. */
function outcomeIn(report: Extract<Report, { kind: 'moved' | 'timedOut' }>): string {
  const { disputeId, claim } = report.dispute;
  for (const log of report.receipt.logs) {
    const event = endIn(log);
    if (event?.args['disputeId'] !== disputeId) continue;
    const role = event.args['winner'] === claim.claimant ? 'claimant' : 'challenger';
    return ` ${explainOutcome(role, REASONS[Number(event.args['reason'])] as Reason)}`;
  }
  return '';
}

function missing(report: Extract<Report, { kind: 'unverified' }>): string {
  const { request } = report.claim;
  switch (report.missing) {
    case 'model':
      return `not checked, model ${request.request.modelId} is not held here`;
    case 'input':
      // A slow server's may come yet: it is looked for until the window ends.
      return `not checked yet, the input of request ${request.requestId} is given by root and is not here`;
    case 'time':
      return `differs from the run here, and not challenged, because ${report.figures}`;
  }
}

function sentence(report: Report, unit: Unit): string {
  switch (report.kind) {
    case 'claimed': {
      const { requestId, request } = report.request;
      return `request ${requestId}: claimed an answer under a bond of ${amountText(unit, request.terms.claimBondWei)}`;
    }
    case 'verified':
      return `claim ${report.claim.claimId}: right`;
    case 'unverified':
      return `claim ${report.claim.claimId}: ${missing(report)}`;
    case 'challenged': {
      const bond = amountText(unit, report.claim.request.request.terms.challengeBondWei);
      return `claim ${report.claim.claimId}: wrong; challenged under a bond of ${bond}`;
    }
    case 'moved': {
      const { dispute, move } = report;
      return `dispute ${dispute.disputeId}: ${explainMove(move, dispute.view.position)}${outcomeIn(report)}`;
    }
    case 'timedOut':
      return `dispute ${report.dispute.disputeId}: ended by the clock.${outcomeIn(report)}`;
    case 'reclaimed':
      return `dispute ${report.dispute.disputeId}: overtaken by another one; took the bond back`;
    case 'finalized':
      return `claim ${report.claim.claimId}: final`;
    case 'withdrawn':
      return `withdrew ${amountText(unit, report.amountWei)}`;
    case 'allowed':
      return `allowed the oracle to take ${amountText(unit, report.amountWei)} for bonds`;
    case 'warned':
    case 'failed':
      return report.sentence;
  }
}

/**
 * One line about what a provider or watcher did or found, with the transaction that did it.
 *
 * @param unit of fees and bonds
 */
export function reportLine(report: Report, unit: Unit = ETHER): string {
  if (!('receipt' in report)) return sentence(report, unit);
  const calls = 'calls' in report ? report.calls : 1;
  const gas = gasOf(report);
  if (gas === undefined) return `${sentence(report, unit)} (${report.receipt.hash})`;
  const whole = `${gas.toLocaleString('en-US')} gas`;
  const spent = calls > 1 ? `${whole} as one of ${calls} calls` : whole;
  return `${sentence(report, unit)} (${spent}, ${report.receipt.hash})`;
}

/** Ids, transaction and gas of a report, for a log that programs read. */
export function reportFields(report: Report): Fields {
  const claim = 'claim' in report ? report.claim : 'dispute' in report ? report.dispute.claim : undefined;
  const request = 'request' in report ? report.request : claim?.request;
  return {
    kind: report.kind,
    ...(request && { request: `${request.requestId}`, model: request.request.modelId }),
    ...(claim && { claim: `${claim.claimId}` }),
    ...('dispute' in report && { dispute: `${report.dispute.disputeId}` }),
    ...('move' in report && { move: report.move.kind }),
    ...('receipt' in report && {
      transaction: report.receipt.hash,
      block: report.receipt.blockNumber,
      gas: Number(gasOf(report) ?? 0n),
      ...('calls' in report && report.calls > 1 && { calls: report.calls }),
    }),
  };
}
