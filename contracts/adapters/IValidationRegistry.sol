// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title IValidationRegistry
/// @notice The part of the ERC-8004 Validation Registry that a validator needs. The ERC is a draft.
interface IValidationRegistry {
    /// @notice Answers a request for validation. Only the validator that the request names may.
    /// @param requestHash The request's hash.
    /// @param response From 0, failed, to 100, passed.
    /// @param responseURI Evidence; may be empty.
    /// @param responseHash Commitment to the evidence.
    /// @param tag Kind of the validation.
    function validationResponse(
        bytes32 requestHash,
        uint8 response,
        string calldata responseURI,
        bytes32 responseHash,
        string calldata tag
    ) external;

    /// @notice The status of a request for validation.
    /// @param requestHash The request's hash.
    /// @return validatorAddress The validator that it names.
    /// @return agentId The agent that it is about.
    /// @return response The last response; 0 before there is one.
    /// @return responseHash Its commitment.
    /// @return tag Its kind.
    /// @return lastUpdate Unix seconds.
    function getValidationStatus(
        bytes32 requestHash
    )
        external
        view
        returns (
            address validatorAddress,
            uint256 agentId,
            uint8 response,
            bytes32 responseHash,
            string memory tag,
            uint256 lastUpdate
        );
}
