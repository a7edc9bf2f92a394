// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title IPriceFeed
/// @notice The read functions of a price feed, by the names that consumers of such feeds use (AggregatorV3Interface).
interface IPriceFeed {
    /// @notice Decimal places of an answer.
    /// @return The count.
    function decimals() external view returns (uint8);

    /// @notice The meaning of an answer.
    /// @return One sentence.
    function description() external view returns (string memory);

    /// @notice Version of the implementation.
    /// @return The version.
    function version() external view returns (uint256);

    /// @notice One round.
    /// @param roundId Number of the round, from 1.
    /// @return id The same number.
    /// @return answer The value.
    /// @return startedAt Unix seconds at which the round was asked.
    /// @return updatedAt Unix seconds at which its answer became final.
    /// @return answeredInRound The same number.
    function getRoundData(
        uint80 roundId
    )
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice The newest round that has a final answer.
    /// @return roundId Its number.
    /// @return answer The value.
    /// @return startedAt Unix seconds at which the round was asked.
    /// @return updatedAt Unix seconds at which its answer became final.
    /// @return answeredInRound The same number.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
