// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Progress, Request, RequestStatus } from "../interfaces/IInferenceOracle.sol";
import { IAgenticCommerce, Job, JobStatus } from "./IAgenticCommerce.sol";

/// @title AssayEvaluator
/// @notice Experimental: an evaluator for ERC-8183, a draft. A job is "answer this request": it is complete when the request
/// has its final answer from the job's provider, and rejected when it has one from somebody else or was cancelled.
///
/// The client names this contract as evaluator and, while the job is open, the request, whose terms let the job's provider
/// alone claim: otherwise anybody could copy its answer, delay it, and take the job from it. Anyone settles. A provider
/// looks at {requestFor} before it agrees to a job, and at the job's `expiredAt`: an answer may take the window and both
/// clocks of its request to become final.
contract AssayEvaluator {
    IInferenceOracle private immutable ORACLE;
    IAgenticCommerce private immutable JOBS;

    /// @notice The request that a job is about; 0 if none was named.
    mapping(uint256 jobId => uint256 requestId) public requestFor;

    /// @notice The client named the request of a job.
    /// @param jobId The job.
    /// @param requestId The request.
    event RequestNamed(uint256 indexed jobId, uint256 indexed requestId);
    /// @notice A job was settled.
    /// @param jobId The job.
    /// @param complete Whether the provider's answer became final.
    event Settled(uint256 indexed jobId, bool complete);

    /// @notice Only the client of a job names its request.
    /// @param client Who may.
    /// @param caller Who tried.
    error NotClient(address client, address caller);
    /// @notice The job names another evaluator.
    /// @param evaluator Whom it names.
    error NotEvaluator(address evaluator);
    /// @notice A request is named once, before the job is funded, so that its provider knows what it agrees to.
    /// @param jobId The job.
    /// @param status Where it stands.
    /// @param requestId The request that was named already; 0 if none.
    error TooLate(uint256 jobId, JobStatus status, uint256 requestId);
    /// @notice The request handed over is not the one with this id.
    /// @param requestId The id.
    error RequestMismatch(uint256 requestId);
    /// @notice The request lets somebody else claim than the job's provider alone.
    /// @param provider The job's provider.
    /// @param claimant Whom the request's terms name; zero for anybody.
    error NotProvidersAlone(address provider, address claimant);
    /// @notice No request was named for the job.
    /// @param jobId The job.
    error NothingNamed(uint256 jobId);
    /// @notice The request is still open.
    /// @param requestId The request.
    error NotDecided(uint256 requestId);

    /// @notice Fixes oracle and jobs.
    /// @param oracle_ The oracle.
    /// @param jobs_ The ERC-8183 contract.
    constructor(IInferenceOracle oracle_, IAgenticCommerce jobs_) {
        ORACLE = oracle_;
        JOBS = jobs_;
    }

    /// @notice Names the request that a job is about. By the job's client, once, while the job is open.
    /// @param jobId The job.
    /// @param requestId The request; its terms name the job's provider.
    /// @param request The request as emitted.
    function nameRequest(uint256 jobId, uint256 requestId, Request calldata request) external {
        Job memory job = JOBS.getJob(jobId);
        if (msg.sender != job.client) revert NotClient(job.client, msg.sender);
        if (job.evaluator != address(this)) revert NotEvaluator(job.evaluator);
        if (job.status != JobStatus.Open || requestFor[jobId] != 0) {
            revert TooLate(jobId, job.status, requestFor[jobId]);
        }
        if (ORACLE.requestHash(requestId) != keccak256(abi.encode(request)))
            revert RequestMismatch(requestId);
        if (request.terms.provider != job.provider || job.provider == address(0)) {
            revert NotProvidersAlone(job.provider, request.terms.provider);
        }
        requestFor[jobId] = requestId;
        emit RequestNamed(jobId, requestId);
    }

    /// @notice Completes or rejects a job whose request is decided. By anyone; the job's contract takes it once.
    /// @param jobId The job.
    function settle(uint256 jobId) external {
        uint256 requestId = requestFor[jobId];
        if (requestId == 0) revert NothingNamed(jobId);
        Progress memory state = ORACLE.progress(requestId);
        if (state.status != RequestStatus.Answered && state.status != RequestStatus.Cancelled) {
            revert NotDecided(requestId);
        }
        uint256 claimId = (requestId << 32) | state.answer;
        bool done =
            state.status == RequestStatus.Answered &&
                ORACLE.claims(claimId).claimant == JOBS.getJob(jobId).provider;
        bytes32 reason = bytes32(claimId);
        emit Settled(jobId, done);
        if (done) JOBS.complete(jobId, reason, "");
        else JOBS.reject(jobId, reason, "");
    }

    /// @notice The oracle that decides.
    /// @return Its address.
    function oracle() external view returns (IInferenceOracle) {
        return ORACLE;
    }

    /// @notice The contract that holds the jobs.
    /// @return Its address.
    function jobs() external view returns (IAgenticCommerce) {
        return JOBS;
    }
}
