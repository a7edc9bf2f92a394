// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice Where a job stands (ERC-8183).
enum JobStatus {
    Open,
    Funded,
    Submitted,
    Completed,
    Rejected,
    Expired
}

/// @notice A job (ERC-8183).
/// @param id Its id.
/// @param client Who pays.
/// @param provider Who works.
/// @param evaluator Who alone says whether the work is done.
/// @param description The task.
/// @param budget Amount in escrow.
/// @param expiredAt Unix seconds after which the client may take the budget back.
/// @param status Where it stands.
/// @param hook Contract that is called around each step.
struct Job {
    uint256 id;
    address client;
    address provider;
    address evaluator;
    string description;
    uint256 budget;
    uint256 expiredAt;
    JobStatus status;
    address hook;
}

/// @title IAgenticCommerce
/// @notice The part of ERC-8183 that an evaluator needs. The ERC is a draft.
interface IAgenticCommerce {
    /// @notice Says that the work is done; the provider is paid. Evaluator only.
    /// @param jobId The job.
    /// @param reason Why.
    /// @param optParams For hooks.
    function complete(uint256 jobId, bytes32 reason, bytes calldata optParams) external;

    /// @notice Says that the work is not done; the client is paid back. Evaluator only.
    /// @param jobId The job.
    /// @param reason Why.
    /// @param optParams For hooks.
    function reject(uint256 jobId, bytes32 reason, bytes calldata optParams) external;

    /// @notice A job.
    /// @param jobId Its id.
    /// @return The job.
    function getJob(uint256 jobId) external view returns (Job memory);
}
