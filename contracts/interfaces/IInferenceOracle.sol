// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IDisputeGame } from "./IDisputeGame.sol";
import { IModelRegistry } from "./IModelRegistry.sol";

/// @notice Terms of a request, chosen by its requester.
/// @param claimBondWei Bond of a claim, exactly.
/// @param challengeBondWei Bond of a challenge, exactly; at most half of the claim bond, which is what a challenger can win.
/// @param windowSeconds Time after a claim in which it can be challenged.
/// @param clockSeconds Time that each side of a dispute has, for all its moves together.
/// @param patienceSeconds Time after the request in which it cannot be cancelled.
/// @param callbackGas Gas that the requester's callback gets; 0 for no callback.
/// @param callbackFeeWei Paid by the requester, besides the fee, to the first account that runs the callback.
/// @param answerByRoot Whether a claim carries the roots of the output tensors instead of their bytes.
/// @param provider The only account that may claim; zero for anybody.
/// @param verifier An {IProofVerifier} that may end the window of a claim; zero for none.
struct Terms {
    uint96 claimBondWei;
    uint96 challengeBondWei;
    uint32 windowSeconds;
    uint32 clockSeconds;
    uint32 patienceSeconds;
    uint32 callbackGas;
    uint96 callbackFeeWei;
    bool answerByRoot;
    address provider;
    address verifier;
}

/// @notice The least, or the most, that the terms of the same names may be.
/// @param claimBondWei Of {Terms}.
/// @param challengeBondWei Of {Terms}.
/// @param windowSeconds Of {Terms}.
/// @param clockSeconds Of {Terms}.
/// @param patienceSeconds Of {Terms}.
/// @param callbackGas Of {Terms}.
struct TermBounds {
    uint96 claimBondWei;
    uint96 challengeBondWei;
    uint32 windowSeconds;
    uint32 clockSeconds;
    uint32 patienceSeconds;
    uint32 callbackGas;
}

/// @notice A request; the oracle keeps keccak256(abi.encode(request)) only.
/// @param requester Who asked and is called back.
/// @param feeWei Earned by the first claimant of the answer whose claim is not falsified.
/// @param modelId The model.
/// @param inputs Commitment to the input, as {IModelRegistry.commitInput}.
/// @param requestedAt Unix seconds.
/// @param terms The terms; fixed from here on.
struct Request {
    address requester;
    uint96 feeWei;
    bytes32 modelId;
    bytes32 inputs;
    uint40 requestedAt;
    Terms terms;
}

/// @notice Where a request stands.
enum RequestStatus {
    None,
    Open,
    Answered,
    Cancelled,
    /// It takes no claims any more; those that are open still decide whether it is answered or cancelled.
    Closed
}

/// @notice Where a claim stands.
enum ClaimStatus {
    None,
    Open,
    Final,
    Falsified
}

/// @notice Where the requester's callback stands, from the answer on.
/// None: there is nothing to run. Waiting: it was not run yet. Failed: it was run, and can be run again. Done: it succeeded.
enum CallbackStatus {
    None,
    Waiting,
    Failed,
    Done
}

/// @notice Progress of a request; one storage slot.
/// @param claims Claims ever made; the newest has this number.
/// @param openClaims Claims neither final nor falsified.
/// @param answer Number of the claim that answered, 0 before.
/// @param status Where the request stands.
/// @param stored Whether the answer's bytes were short enough to be kept.
/// @param callback Where the callback stands.
/// @param feeHeld Whether the fee of an answered request waits for a claim of the same output that was made before.
/// @param burnedWei Shares of falsified claims' bonds that nobody was repaid from; they stay in the oracle for good.
struct Progress {
    uint32 claims;
    uint32 openClaims;
    uint32 answer;
    RequestStatus status;
    bool stored;
    CallbackStatus callback;
    bool feeHeld;
    uint128 burnedWei;
}

/// @notice A claim; one storage slot. Its output commitment is the one whose {IInferenceOracle.claimOf} it is.
/// @param claimant Who made it.
/// @param claimedAt Unix seconds.
/// @param openDisputes Disputes that have not ended.
/// @param status Where the claim stands.
struct Claim {
    address claimant;
    uint40 claimedAt;
    uint32 openDisputes;
    ClaimStatus status;
}

/// @title IInferenceOracle
/// @notice Requests, bonded claims, finality and all money. Amounts are in the smallest unit of {currency}, wei if that is
/// ether; "paid" means: sent along as ether, or allowed to the oracle as tokens beforehand.
interface IInferenceOracle {
    /// @notice A request was made.
    /// @param requestId Id, counted from 1.
    /// @param modelId The model.
    /// @param requester Who asked.
    /// @param request The request, to be handed back with every later call.
    /// @param input All input tensors, one after the other.
    event Requested(
        uint256 indexed requestId,
        bytes32 indexed modelId,
        address indexed requester,
        Request request,
        bytes input
    );
    /// @notice A request was made whose input is given by its roots.
    /// @param requestId Id, counted from 1.
    /// @param modelId The model.
    /// @param requester Who asked, and who vouches that the input can be had.
    /// @param request The request, to be handed back with every later call.
    /// @param inputRoots Root of each input tensor.
    /// @param uri Where their bytes are said to be; not trusted.
    event RequestedByRoot(
        uint256 indexed requestId,
        bytes32 indexed modelId,
        address indexed requester,
        Request request,
        bytes32[] inputRoots,
        string uri
    );
    /// @notice An answer was claimed.
    /// @param claimId requestId << 32 | number of the claim, counted from 1.
    /// @param claimant Who claimed.
    /// @param outputs Commitment to the output, as {IModelRegistry.commitOutput}.
    /// @param output All output tensors, one after the other.
    event Claimed(uint256 indexed claimId, address indexed claimant, bytes32 outputs, bytes output);
    /// @notice An answer was claimed by the roots of its tensors.
    /// @param claimId requestId << 32 | number of the claim, counted from 1.
    /// @param claimant Who claimed.
    /// @param outputs Commitment to the output, as {IModelRegistry.commitOutputRoots}.
    /// @param outputRoots Root of each output tensor.
    /// @param uri Where their bytes are said to be; not trusted.
    event ClaimedByRoot(
        uint256 indexed claimId,
        address indexed claimant,
        bytes32 outputs,
        bytes32[] outputRoots,
        string uri
    );
    /// @notice A claim was proven false.
    /// @param claimId The claim.
    /// @param winner Who proved it.
    /// @param rewardWei Share of the claim's bond credited to the winner.
    /// @param burnedWei Share of the claim's bond that nobody gets.
    event ClaimFalsified(
        uint256 indexed claimId,
        address indexed winner,
        uint256 rewardWei,
        uint256 burnedWei
    );
    /// @notice A challenger whose dispute was overtaken was repaid gas, out of what was burned on the request.
    /// @param claimId The claim.
    /// @param challenger Whom it was credited to.
    /// @param amountWei How much.
    event GasRepaid(uint256 indexed claimId, address indexed challenger, uint256 amountWei);
    /// @notice A claim became final; its bond was credited to its claimant.
    /// @param claimId The claim.
    event ClaimFinalized(uint256 indexed claimId);
    /// @notice A request got its answer. If the claim is the request's first, the fee was credited to its claimant;
    /// otherwise {FeePaid} tells when and for which claim.
    /// @param requestId The request.
    /// @param claimId The claim that answered.
    /// @param outputs Commitment to the output.
    event Answered(uint256 indexed requestId, uint256 indexed claimId, bytes32 outputs);
    /// @notice The fee of an answered request was credited: to the first claim of the answer that was not falsified.
    /// @param requestId The request.
    /// @param claimId The claim meant.
    event FeePaid(uint256 indexed requestId, uint256 indexed claimId);
    /// @notice The requester's callback ran and succeeded; it is never run again.
    /// @param requestId The request.
    event CallbackRun(uint256 indexed requestId);
    /// @notice The requester's callback reverted or ran out of its gas; anyone may run it again.
    /// @param requestId The request.
    /// @param reason The bytes that it returned, cut at 128.
    event CallbackFailed(uint256 indexed requestId, bytes reason);
    /// @notice A request takes no claims any more. It is answered if one of its open claims becomes final, and can be cancelled
    /// if none does.
    /// @param requestId The request.
    event Closed(uint256 indexed requestId);
    /// @notice A request was cancelled; its fees were credited to its requester.
    /// @param requestId The request.
    event Cancelled(uint256 indexed requestId);
    /// @notice Money left.
    /// @param account Whose it was.
    /// @param to Where it went.
    /// @param amountWei How much.
    event Withdrawn(address indexed account, address indexed to, uint256 amountWei);

    /// @notice A term is outside the bounds of this oracle.
    /// @param term Its name, as in {Terms}.
    /// @param value Value asked for.
    /// @param min Least allowed.
    /// @param max Most allowed.
    error TermOutOfBounds(string term, uint256 value, uint256 min, uint256 max);
    /// @notice Bounds that allow nothing, or terms under which the protocol is unsafe.
    /// @param term Name of the term, as in {Terms}.
    error BoundsUnsafe(string term);
    /// @notice A challenge bond above what a challenger can win.
    /// @param challengeBondWei Bond asked for.
    /// @param mostWei Half of the claim bond.
    error ChallengeBondTooHigh(uint256 challengeBondWei, uint256 mostWei);
    /// @notice A fee for a callback that has no gas.
    /// @param callbackFeeWei Fee offered.
    error CallbackFeeWithoutGas(uint256 callbackFeeWei);
    /// @notice A model with answers cannot be answered by root: nobody could check an answer that is withheld.
    /// @param modelId The model.
    error AnswersNeedBytes(bytes32 modelId);
    /// @notice The currency is neither zero, for ether, nor a contract.
    /// @param currency The address.
    error NotCurrency(address currency);
    /// @notice The ether sent is not the amount to be paid; with a token as currency that is none.
    /// @param expectedWei The amount.
    /// @param givenWei Ether sent.
    error PaymentMismatch(uint256 expectedWei, uint256 givenWei);
    /// @notice The token did not move the amount: too little balance or allowance, or it refuses the account.
    /// @param currency The token.
    /// @param from Who was to pay.
    /// @param amountWei How much.
    error PaymentRefused(address currency, address from, uint256 amountWei);
    /// @notice The token moved another amount than it was told; such tokens are not taken.
    /// @param currency The token.
    /// @param expectedWei The amount.
    /// @param receivedWei Amount that arrived.
    error PaymentInexact(address currency, uint256 expectedWei, uint256 receivedWei);
    /// @notice The request handed back is not the one with this id.
    /// @param requestId The id.
    /// @param stored Hash kept for the id; 0 if there is no such request.
    /// @param given Hash of what was given.
    error RequestMismatch(uint256 requestId, bytes32 stored, bytes32 given);
    /// @notice The request takes no claims any more and cannot be cancelled.
    /// @param requestId The request.
    /// @param status Where it stands.
    error RequestNotOpen(uint256 requestId, RequestStatus status);
    /// @notice The request names another account as its only provider.
    /// @param requestId The request.
    /// @param provider Who may claim.
    /// @param caller Who tried.
    error NotProvider(uint256 requestId, address provider, address caller);
    /// @notice The request wants its answer in the other form: as bytes, or by root.
    /// @param requestId The request.
    /// @param byRoot Whether it wants roots.
    error WrongAnswerForm(uint256 requestId, bool byRoot);
    /// @notice The answer is too long for the transactions that carry it; such models are answered by root.
    /// @param byteLength Bytes given.
    /// @param limit Most bytes.
    error AnswerTooLong(uint256 byteLength, uint256 limit);
    /// @notice The caller has claimed this output already, and that claim was not falsified.
    /// @param claimId The claim meant.
    error OutputAlreadyClaimed(uint256 claimId);
    /// @notice The claim with this id has another output, or there is none.
    /// @param claimId The id.
    /// @param outputs Commitment to the output given.
    error OutputMismatch(uint256 claimId, bytes32 outputs);
    /// @notice The claim is final, falsified, or was never made.
    /// @param claimId The claim.
    /// @param status Where it stands.
    error ClaimNotOpen(uint256 claimId, ClaimStatus status);
    /// @notice Bonds come back this way only from a claim that was falsified.
    /// @param claimId The claim.
    /// @param status Where it stands.
    error ClaimNotFalsified(uint256 claimId, ClaimStatus status);
    /// @notice Too late to challenge.
    /// @param claimId The claim.
    /// @param lastTimestamp Last Unix second in which it could be challenged.
    error WindowPassed(uint256 claimId, uint256 lastTimestamp);
    /// @notice Too early to finalize.
    /// @param claimId The claim.
    /// @param lastTimestamp Last Unix second in which it can be challenged.
    error WindowOpen(uint256 claimId, uint256 lastTimestamp);
    /// @notice Disputes on the claim have not ended.
    /// @param claimId The claim.
    /// @param openDisputes How many.
    error DisputesOpen(uint256 claimId, uint256 openDisputes);
    /// @notice The request names no verifier, so its claims wait for their windows.
    /// @param requestId The request.
    error NoVerifier(uint256 requestId);
    /// @notice The verifier did not say yes: it said no, failed, or is no contract. Nothing has changed.
    /// @param requestId The request.
    /// @param verifier The verifier.
    error NotProven(uint256 requestId, address verifier);
    /// @notice There is no fee to pay: it was paid with the answer or since, or there is none.
    /// @param requestId The request.
    error FeeNotHeld(uint256 requestId);
    /// @notice Who earned the fee is not decided: an earlier claim of the same output is still open.
    /// @param requestId The request.
    /// @param claimId The claim meant.
    error FeeAwaitsClaim(uint256 requestId, uint256 claimId);
    /// @notice There is no callback to run: the request is not answered, wants none, or its callback has succeeded.
    /// @param requestId The request.
    /// @param status Where the callback stands.
    error CallbackNotDue(uint256 requestId, CallbackStatus status);
    /// @notice Not enough gas to give the callback what it was promised. Nothing has changed; send more.
    /// @param required Gas needed at this point.
    /// @param available Gas left at this point.
    error InsufficientCallbackGas(uint256 required, uint256 available);
    /// @notice The output is not the final answer.
    /// @param requestId The request.
    /// @param outputs Commitment to the output given.
    error NotResult(uint256 requestId, bytes32 outputs);
    /// @notice The request has no final answer.
    /// @param requestId The request.
    error NotFinal(uint256 requestId);
    /// @notice The answer was too long to be kept, or given by root; check what somebody hands you with {isResult}.
    /// @param requestId The request.
    error OutputNotStored(uint256 requestId);
    /// @notice Only the requester cancels.
    /// @param requestId The request.
    /// @param requester Who may.
    /// @param caller Who tried.
    error NotRequester(uint256 requestId, address requester, address caller);
    /// @notice Too early to cancel.
    /// @param requestId The request.
    /// @param lastTimestamp Last Unix second in which it cannot be cancelled.
    error PatienceLasts(uint256 requestId, uint256 lastTimestamp);
    /// @notice The request is closed already, and claims on it are open.
    /// @param requestId The request.
    /// @param openClaims How many.
    error ClaimsOpen(uint256 requestId, uint256 openClaims);
    /// @notice Only the dispute game reports outcomes.
    /// @param caller Who tried.
    error NotGame(address caller);
    /// @notice Nothing is owed to the account.
    /// @param account The account.
    error NothingOwed(address account);
    /// @notice A withdrawal failed: its receiver, or the token, refused it.
    /// @param to The receiver.
    /// @param amountWei How much.
    error WithdrawalRefused(address to, uint256 amountWei);

    /// @notice Asks for an inference. Fee and callback fee are paid.
    /// @param modelId A published model.
    /// @param input All input tensors, one after the other, little-endian.
    /// @param terms Terms within {bounds}.
    /// @param feeWei Fee for the answer.
    /// @return requestId Id, counted from 1.
    function request(
        bytes32 modelId,
        bytes calldata input,
        Terms calldata terms,
        uint96 feeWei
    ) external payable returns (uint256 requestId);

    /// @notice Asks for an inference on an input that is given by its roots. Fee and callback fee are paid. Whoever asks so
    /// vouches that the bytes can be had for as long as claims can be challenged: what nobody else can read, nobody else
    /// can check, and a false answer to it becomes final.
    /// @param modelId A published model.
    /// @param inputRoots Root of each input tensor.
    /// @param uri Where their bytes are; not trusted.
    /// @param terms Terms within {bounds}.
    /// @param feeWei Fee for the answer.
    /// @return requestId Id, counted from 1.
    function requestByRoot(
        bytes32 modelId,
        bytes32[] calldata inputRoots,
        string calldata uri,
        Terms calldata terms,
        uint96 feeWei
    ) external payable returns (uint256 requestId);

    /// @notice Claims what the answer is. The claim bond is paid.
    /// @param requestId The request; without `answerByRoot`.
    /// @param request_ The request as emitted.
    /// @param output All tensors that a claim supplies, one after the other, little-endian.
    /// @return claimId requestId << 32 | number of the claim, counted from 1.
    function claim(
        uint256 requestId,
        Request calldata request_,
        bytes calldata output
    ) external payable returns (uint256 claimId);

    /// @notice Claims what the answer is by the roots of its tensors. The claim bond is paid.
    /// @param requestId The request; with `answerByRoot`.
    /// @param request_ The request as emitted.
    /// @param outputRoots Root of each output tensor.
    /// @param uri Where their bytes are; not trusted.
    /// @return claimId requestId << 32 | number of the claim, counted from 1.
    function claimByRoot(
        uint256 requestId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        string calldata uri
    ) external payable returns (uint256 claimId);

    /// @notice Opens a dispute on a claim, until and including the last second of its window. The challenge bond is
    /// paid.
    /// @param claimId The claim.
    /// @param request_ The request as emitted.
    /// @param outputs Commitment to the output that is challenged, so that a reorganised chain cannot swap the claim.
    /// @return disputeId Id in the game, counted from 1.
    function challenge(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs
    ) external payable returns (uint256 disputeId);

    /// @notice Makes a claim final once its window has passed and no dispute on it is open. By anyone. The first claim
    /// of a request that becomes final answers it. The fee goes to the first claim of the same output, by number, that is
    /// not falsified: at once if all before this one were, else when that claim has ended ({payFee}).
    /// @param claimId The claim, made with {claim}.
    /// @param request_ The request as emitted.
    /// @param outputs Commitment to the claim's output, as emitted.
    /// @param output The claim's output.
    /// @param withCallback Whether to run the callback at once, if there is one, as {runCallback} does.
    function finalize(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs,
        bytes calldata output,
        bool withCallback
    ) external;

    /// @notice {finalize} of a claim that was made by root.
    /// @param claimId The claim, made with {claimByRoot}.
    /// @param request_ The request as emitted.
    /// @param outputRoots The claim's roots.
    /// @param withCallback Whether to run the callback at once, if there is one.
    function finalizeByRoot(
        uint256 claimId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        bool withCallback
    ) external;

    /// @notice {finalize} before the window has passed, if the request's verifier says yes to a proof. Open disputes are
    /// waited for. By anyone.
    /// @param claimId The claim, made with {claim}.
    /// @param request_ The request as emitted.
    /// @param outputs Commitment to the claim's output, as emitted.
    /// @param output The claim's output.
    /// @param proof Shown to the verifier.
    /// @param withCallback Whether to run the callback at once, if there is one.
    function finalizeProven(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs,
        bytes calldata output,
        bytes calldata proof,
        bool withCallback
    ) external;

    /// @notice {finalizeProven} of a claim that was made by root.
    /// @param claimId The claim, made with {claimByRoot}.
    /// @param request_ The request as emitted.
    /// @param outputRoots The claim's roots.
    /// @param proof Shown to the verifier.
    /// @param withCallback Whether to run the callback at once, if there is one.
    function finalizeProvenByRoot(
        uint256 claimId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        bytes calldata proof,
        bool withCallback
    ) external;

    /// @notice Credits the fee of an answered request that is held, once the earlier claims of the answer's output have
    /// ended. By anyone. Looks at 32 claims a call, so after more of them it is called again.
    /// @param requestId The request.
    /// @param request_ The request as emitted.
    /// @param outputs Commitment to its answer.
    function payFee(uint256 requestId, Request calldata request_, bytes32 outputs) external;

    /// @notice Runs the callback of an answered request. By anyone, until it has succeeded once. The caller of the first run
    /// earns the callback fee, whether it succeeds or not; in that run it gets the gas that it was promised, in later
    /// ones whatever the transaction has, and at least that.
    /// @param requestId The request; without `answerByRoot`.
    /// @param request_ The request as emitted.
    /// @param output Its answer.
    function runCallback(uint256 requestId, Request calldata request_, bytes calldata output) external;

    /// @notice {runCallback} of a request that was answered by root.
    /// @param requestId The request; with `answerByRoot`.
    /// @param request_ The request as emitted.
    /// @param outputRoots Roots of its answer.
    function runCallbackByRoot(
        uint256 requestId,
        Request calldata request_,
        bytes32[] calldata outputRoots
    ) external;

    /// @notice Takes back a request that nobody answers: by its requester, after its patience. While claims on it are open,
    /// it only closes the request to further claims; it is cancelled by another call once those were falsified.
    /// @param requestId The request.
    /// @param request_ The request as emitted.
    /// @return refundWei Fees credited to the requester; 0 if the request was only closed.
    function cancel(uint256 requestId, Request calldata request_) external returns (uint256 refundWei);

    /// @notice Sends the caller everything owed to it.
    /// @return amountWei How much.
    function withdraw() external returns (uint256 amountWei);

    /// @notice Sends everything owed to the caller elsewhere.
    /// @param to Receiver.
    /// @return amountWei How much.
    function withdrawTo(address payable to) external returns (uint256 amountWei);

    /// @notice Game only: a dispute proved a claim false. Ends that dispute.
    /// @param claimId The claim; must be open.
    /// @param challenger Who proved it.
    /// @param claimBondWei The claim's bond: a part is burned, the rest goes to the challenger.
    /// @param challengeBondWei The dispute's bond: back to the challenger.
    function falsifyByDispute(
        uint256 claimId,
        address challenger,
        uint256 claimBondWei,
        uint256 challengeBondWei
    ) external;

    /// @notice Game only: a challenger lost. Its bond goes to the claimant.
    /// @param claimId The claim; must be open.
    /// @param challengeBondWei The dispute's bond.
    function failChallenge(uint256 claimId, uint256 challengeBondWei) external;

    /// @notice Game only: a dispute was overtaken by another that falsified the claim. The bond goes back. In a deployment
    /// with ether some gas is repaid out of what was burned on the request, while that lasts: never more than the cheapest
    /// way to challenge costs, so that nobody gains by overtaking itself.
    /// @param claimId The claim; must be falsified.
    /// @param challenger Whose bond it is.
    /// @param challengeBondWei The dispute's bond.
    /// @param baseFeeAtOpenWei Base fee of the block in which the dispute was opened.
    function returnChallenge(
        uint256 claimId,
        address challenger,
        uint256 challengeBondWei,
        uint256 baseFeeAtOpenWei
    ) external;

    /// @notice The models.
    /// @return The registry.
    function registry() external view returns (IModelRegistry);

    /// @notice The game that settles disputes; deployed by this oracle.
    /// @return The game.
    function game() external view returns (IDisputeGame);

    /// @notice The currency of fees and bonds.
    /// @return Address of an ERC-20 token, or zero for ether.
    function currency() external view returns (address);

    /// @notice The least and most that terms may be.
    /// @return min Least of each.
    /// @return max Most of each.
    function bounds() external view returns (TermBounds memory min, TermBounds memory max);

    /// @notice Requests ever made; the newest has this id.
    /// @return The count.
    function requestCount() external view returns (uint256);

    /// @notice Hash of a request, 0 if there is none.
    /// @param requestId The request.
    /// @return keccak256(abi.encode(request)).
    function requestHash(uint256 requestId) external view returns (bytes32);

    /// @notice Progress of a request.
    /// @param requestId The request.
    /// @return Its progress; status None if it was never made.
    function progress(uint256 requestId) external view returns (Progress memory);

    /// @notice A claim.
    /// @param claimId The claim.
    /// @return The claim; status None if it was never made.
    function claims(uint256 claimId) external view returns (Claim memory);

    /// @notice The newest claim that an account made of an output on a request; it may be falsified.
    /// @param requestId The request.
    /// @param outputs Commitment to the output.
    /// @param claimant The account.
    /// @return claimId The claim; 0 if there is none.
    function claimOf(
        uint256 requestId,
        bytes32 outputs,
        address claimant
    ) external view returns (uint256 claimId);

    /// @notice Amount that an account can withdraw.
    /// @param account The account.
    /// @return amountWei How much.
    function owed(address account) external view returns (uint256 amountWei);

    /// @notice Whether a request has its final answer.
    /// @param requestId The request.
    /// @return True if so.
    function isFinal(uint256 requestId) external view returns (bool);

    /// @notice The final answer. Reverts before there is one, and if it was too long to keep or given by root.
    /// @param requestId The request.
    /// @return output All output tensors, one after the other, little-endian.
    function result(uint256 requestId) external view returns (bytes memory output);

    /// @notice Whether an output is the final answer, however long it is. Reverts before there is one.
    /// @param requestId The request.
    /// @param outputs Commitment to the output, as {IModelRegistry.commitOutput} or, by root,
    /// {IModelRegistry.commitOutputRoots}.
    /// @return True if so.
    function isResult(uint256 requestId, bytes32 outputs) external view returns (bool);
}
