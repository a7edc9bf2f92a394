// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IValidationRegistry } from "../adapters/IValidationRegistry.sol";

/// @title ValidationRegistryMock
/// @notice The Validation Registry of ERC-8004, without its checks of who owns an agent.
contract ValidationRegistryMock is IValidationRegistry {
    struct Status {
        address validator;
        uint256 agentId;
        uint8 response;
        bytes32 responseHash;
        string tag;
        uint256 lastUpdate;
    }

    mapping(bytes32 requestHash => Status) private _statuses;

    error Requested(bytes32 requestHash);
    error NotValidator(address validator, address caller);

    function validationRequest(
        address validator,
        uint256 agentId,
        string calldata,
        bytes32 requestHash
    ) external {
        if (_statuses[requestHash].validator != address(0)) revert Requested(requestHash);
        _statuses[requestHash] = Status(validator, agentId, 0, 0, "", block.timestamp);
    }

    function validationResponse(
        bytes32 requestHash,
        uint8 response,
        string calldata,
        bytes32 responseHash,
        string calldata tag
    ) external {
        Status storage status = _statuses[requestHash];
        if (msg.sender != status.validator) revert NotValidator(status.validator, msg.sender);
        (status.response, status.responseHash, status.tag) = (response, responseHash, tag);
        status.lastUpdate = block.timestamp;
    }

    function getValidationStatus(
        bytes32 requestHash
    ) external view returns (address, uint256, uint8, bytes32, string memory, uint256) {
        Status storage status = _statuses[requestHash];
        return (
            status.validator,
            status.agentId,
            status.response,
            status.responseHash,
            status.tag,
            status.lastUpdate
        );
    }
}
