// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IAgenticCommerce, Job, JobStatus } from "../adapters/IAgenticCommerce.sol";

/// @title AgenticCommerceMock
/// @notice Jobs of ERC-8183 without their money: who may end a job, and when.
contract AgenticCommerceMock is IAgenticCommerce {
    mapping(uint256 jobId => Job) private _jobs;
    uint256 private _count;

    error WrongStatus(JobStatus status);
    error NotEvaluator(address evaluator, address caller);

    function createJob(address provider, address evaluator) external returns (uint256 jobId) {
        jobId = ++_count;
        Job storage job = _jobs[jobId];
        (job.id, job.client, job.provider, job.evaluator) = (jobId, msg.sender, provider, evaluator);
    }

    /// @notice Moves a job on without looking at who asks.
    function advance(uint256 jobId, JobStatus status) external {
        _jobs[jobId].status = status;
    }

    function complete(uint256 jobId, bytes32, bytes calldata) external {
        _end(jobId, JobStatus.Completed);
    }

    function reject(uint256 jobId, bytes32, bytes calldata) external {
        _end(jobId, JobStatus.Rejected);
    }

    function getJob(uint256 jobId) external view returns (Job memory) {
        return _jobs[jobId];
    }

    function _end(uint256 jobId, JobStatus status) private {
        Job storage job = _jobs[jobId];
        if (msg.sender != job.evaluator) revert NotEvaluator(job.evaluator, msg.sender);
        if (job.status != JobStatus.Submitted) revert WrongStatus(job.status);
        job.status = status;
    }
}
