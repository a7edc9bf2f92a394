// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { InferenceConsumer } from "../consumers/InferenceConsumer.sol";
import { IInferenceOracle, Request, Terms } from "../interfaces/IInferenceOracle.sol";
import { Currency } from "../types/Currency.sol";
import { IPriceFeed } from "./IPriceFeed.sol";

/// @title InferenceFeed
/// @notice Asks the same model again every period and keeps the final answers. Anyone pokes it, once a period, and is paid
/// from the purse, which anyone fills. A subclass gives the input of a round and turns an answer into a number.
///
/// ```
/// poke      a period has begun and its round was not asked   → asks, pays the poker
/// answer    the oracle calls back                            → the round has its value
/// takeBack  nobody answered within the terms' patience       → the fees are in the purse again
/// ```
/// INVARIANT: balance ≥ purse + what pokers have `earned` and not collected.
abstract contract InferenceFeed is InferenceConsumer, IPriceFeed {
    /// @notice One round; two storage slots.
    /// @param value Its value, once answered.
    /// @param requestId The request at the oracle.
    /// @param startedAt Unix seconds at which it was asked.
    /// @param updatedAt Unix seconds at which its answer became final; 0 before.
    struct Round {
        int256 value;
        uint176 requestId;
        uint40 startedAt;
        uint40 updatedAt;
    }

    bytes32 private immutable MODEL_ID;
    Currency private immutable FEED_CURRENCY;
    uint40 private immutable PERIOD_SECONDS;
    uint96 private immutable FEE_WEI;
    uint96 private immutable POKE_PAY_WEI;
    uint40 private immutable START;

    /// @notice Money that is left for fees and pokers.
    uint128 public purseWei;
    /// @notice Newest round that was asked; 0 before the first.
    uint80 public lastAsked;
    /// @notice Newest round with an answer; 0 before the first.
    uint80 public lastAnswered;
    /// @notice Number of the period in which a round was asked last, plus one; 0 before the first.
    uint40 private _nextPeriod;

    /// @notice Pay that an account has earned by poking and not collected.
    mapping(address poker => uint256) public earned;
    mapping(uint80 roundId => Round) private _rounds;
    mapping(uint256 requestId => uint80) private _roundOf;

    /// @notice The purse was filled.
    /// @param from Who paid.
    /// @param amountWei How much.
    event Funded(address indexed from, uint256 amountWei);
    /// @notice A round was asked.
    /// @param roundId The round.
    /// @param requestId Its request.
    /// @param poker Who poked and was credited the pay.
    event RoundAsked(uint80 indexed roundId, uint256 indexed requestId, address indexed poker);
    /// @notice A round has its final answer.
    /// @param roundId The round.
    /// @param value The value.
    event RoundAnswered(uint80 indexed roundId, int256 value);
    /// @notice Nobody answered a round; its fees are in the purse again.
    /// @param roundId The round.
    /// @param amountWei Amount that came back.
    event RoundTakenBack(uint80 indexed roundId, uint256 amountWei);
    /// @notice A poker collected its pay.
    /// @param poker The poker.
    /// @param amountWei How much.
    event Collected(address indexed poker, uint256 amountWei);

    /// @notice A feed needs a period.
    error PeriodZero();
    /// @notice A feed lives by its callback, so its terms order gas for one.
    error NoCallback();
    /// @notice The round of this period was asked already.
    /// @param nextTimestamp Unix seconds from which the next one can be asked.
    error TooEarly(uint256 nextTimestamp);
    /// @notice The purse does not hold what a round costs.
    /// @param neededWei Fee, callback fee and the poker's pay.
    /// @param purseWei Amount in the purse.
    error PurseTooSmall(uint256 neededWei, uint256 purseWei);
    /// @notice The round was not asked, or has no final answer.
    /// @param roundId The round; 0 if none has an answer.
    error NoAnswer(uint80 roundId);
    /// @notice The request is not one of this feed's rounds.
    /// @param requestId The request.
    error NotARound(uint256 requestId);
    /// @notice There is nothing to collect.
    /// @param poker Who tried.
    error NothingEarned(address poker);

    /// @notice Fixes the feed.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms of every round, within the oracle's bounds; `callbackGas` must suffice for {_value} and the two
    /// storage slots of a round, about 100,000.
    /// @param modelId_ The model.
    /// @param periodSeconds_ Seconds between rounds.
    /// @param feeWei_ Fee for the answer of a round.
    /// @param pokePayWei_ Pay for poking, whatever gas costs: its most and its least.
    constructor(
        IInferenceOracle oracle_,
        Terms memory terms_,
        bytes32 modelId_,
        uint40 periodSeconds_,
        uint96 feeWei_,
        uint96 pokePayWei_
    ) InferenceConsumer(oracle_, terms_) {
        if (periodSeconds_ == 0) revert PeriodZero();
        if (terms_.callbackGas == 0) revert NoCallback();
        MODEL_ID = modelId_;
        FEED_CURRENCY = Currency.wrap(oracle_.currency());
        PERIOD_SECONDS = periodSeconds_;
        FEE_WEI = feeWei_;
        POKE_PAY_WEI = pokePayWei_;
        START = uint40(block.timestamp);
    }

    /// @notice Takes ether that the oracle pays back.
    receive() external payable onlyOracle {}

    /// @notice Fills the purse: with the ether sent along, exactly, or with tokens that the caller allowed.
    /// @param amountWei How much.
    function fund(uint128 amountWei) external payable {
        FEED_CURRENCY.take(amountWei);
        purseWei += amountWei;
        emit Funded(msg.sender, amountWei);
    }

    /// @notice Asks the round of the current period. Periods that nobody poked are skipped, not made up for.
    /// @return roundId The round.
    function poke() external returns (uint80 roundId) {
        uint256 period = (block.timestamp - START) / PERIOD_SECONDS;
        if (period < _nextPeriod) revert TooEarly(START + uint256(_nextPeriod) * PERIOD_SECONDS);
        uint256 neededWei = roundCostWei();
        if (neededWei > purseWei) revert PurseTooSmall(neededWei, purseWei);
        _nextPeriod = uint40(period + 1);
        purseWei -= uint128(neededWei);
        earned[msg.sender] += POKE_PAY_WEI;
        roundId = ++lastAsked;
        // The oracle never calls back while it is asked, so what the id decides can be written afterwards.
        uint256 requestId = _askWith(MODEL_ID, _input(roundId), FEE_WEI);
        _roundOf[requestId] = roundId;
        Round storage round = _rounds[roundId];
        (round.requestId, round.startedAt) = (uint176(requestId), uint40(block.timestamp));
        emit RoundAsked(roundId, requestId, msg.sender);
    }

    /// @notice Takes back a round that nobody answered within the patience of its terms. By anyone. While claims on it are open
    /// this only closes it to further ones, and is to be called again when they have ended.
    /// @param requestId The round's request.
    /// @param request The request as emitted.
    function takeBack(uint256 requestId, Request calldata request) external {
        uint80 roundId = _roundOf[requestId];
        if (roundId == 0) revert NotARound(requestId);
        if (_cancel(requestId, request) == 0) return;
        uint256 amountWei = _collectTo(payable(address(this)));
        purseWei += uint128(amountWei);
        emit RoundTakenBack(roundId, amountWei);
    }

    /// @notice Sends the caller what it earned by poking.
    /// @return amountWei How much.
    function collect() external returns (uint256 amountWei) {
        amountWei = earned[msg.sender];
        if (amountWei == 0) revert NothingEarned(msg.sender);
        earned[msg.sender] = 0;
        emit Collected(msg.sender, amountWei);
        FEED_CURRENCY.pay(msg.sender, amountWei);
    }

    /// @notice Cost of one round, taken from the purse.
    /// @return Fee, callback fee and the poker's pay.
    function roundCostWei() public view returns (uint256) {
        return priceWei(FEE_WEI) + POKE_PAY_WEI;
    }

    /// @notice The model that is asked.
    /// @return Its id.
    function modelId() external view returns (bytes32) {
        return MODEL_ID;
    }

    /// @notice Seconds between rounds.
    /// @return The seconds.
    function periodSeconds() external view returns (uint256) {
        return PERIOD_SECONDS;
    }

    /// @notice A round as it is kept, answered or not.
    /// @param roundId The round.
    /// @return The round.
    function rounds(uint80 roundId) external view returns (Round memory) {
        return _rounds[roundId];
    }

    /// @inheritdoc IPriceFeed
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc IPriceFeed
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(lastAnswered);
    }

    /// @inheritdoc IPriceFeed
    function getRoundData(
        uint80 roundId
    )
        public
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        Round storage round = _rounds[roundId];
        if (round.updatedAt == 0) revert NoAnswer(roundId);
        return (roundId, round.value, round.startedAt, round.updatedAt, roundId);
    }

    /// @notice Keeps the answer of a round. A round that is answered after a later one does not become the latest.
    /// @param requestId The round's request.
    /// @param output Its answer.
    function _onAnswer(uint256 requestId, bytes calldata output) internal override {
        uint80 roundId = _roundOf[requestId];
        if (roundId == 0) revert NotARound(requestId);
        int256 value = _value(roundId, output);
        Round storage round = _rounds[roundId];
        (round.value, round.updatedAt) = (value, uint40(block.timestamp));
        if (roundId > lastAnswered) lastAnswered = roundId;
        emit RoundAnswered(roundId, value);
    }

    /// @notice The input of a round.
    /// @dev The poker chooses the moment, so an input that depends on state must not be worth steering.
    /// @param roundId The round.
    /// @return All input tensors, one after the other, little-endian.
    function _input(uint80 roundId) internal virtual returns (bytes memory);

    /// @notice The number that an answer stands for; a revert makes the callback fail, and it can be run again.
    /// @param roundId The round.
    /// @param output All output tensors, one after the other, little-endian.
    /// @return The value, with {decimals} places.
    function _value(uint80 roundId, bytes calldata output) internal virtual returns (int256);
}
