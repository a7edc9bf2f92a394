// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Request } from "../interfaces/IInferenceOracle.sol";
import { IValidationRegistry } from "./IValidationRegistry.sol";

/// @title AssayValidator
/// @notice Experimental: a validator for ERC-8004, a draft. It tells the Validation Registry whether the output that an agent
/// names is the final answer of a request, once, and never before finality.
///
/// The agent's owner asks the registry with this contract as validator and {requestHash} as hash. Anyone calls {validate}
/// when the request has its answer.
/// @dev Anybody can make a false answer final under terms of its own: a verifier that says yes to everything, an input
/// that nobody can get. So only requests of one requester count, which chooses its terms well.
contract AssayValidator {
    /// @notice The statement of an agent: this output is the answer of this request.
    /// @param agentId The agent, as in the registry.
    /// @param requestId The request at the oracle.
    /// @param modelId The model that was asked.
    /// @param inputs Commitment to the input, as in {Request}.
    /// @param outputs Commitment to the output that the agent names.
    /// @param salt Any value: a registry takes each hash once, so a hash that somebody took is made anew with another salt.
    struct Statement {
        uint256 agentId;
        uint256 requestId;
        bytes32 modelId;
        bytes32 inputs;
        bytes32 outputs;
        bytes32 salt;
    }

    uint8 private constant PASSED = 100;
    uint8 private constant FAILED = 0;
    string private constant TAG = "assay";

    IInferenceOracle private immutable ORACLE;
    IValidationRegistry private immutable REGISTRY;
    address private immutable REQUESTER;

    /// @notice Whether a request for validation was answered.
    mapping(bytes32 requestHash => bool) public validated;

    /// @notice A statement was judged.
    /// @param requestHash Hash of the statement.
    /// @param agentId The agent.
    /// @param right Whether the output is the final answer.
    event Validated(bytes32 indexed requestHash, uint256 indexed agentId, bool right);

    /// @notice The statement was judged already.
    /// @param requestHash Hash of the statement.
    error AlreadyValidated(bytes32 requestHash);
    /// @notice The registry has no such request for this validator and agent.
    /// @param requestHash Hash of the statement.
    /// @param validator Whom the registry names.
    /// @param agentId The agent that the registry names.
    error NotRequested(bytes32 requestHash, address validator, uint256 agentId);
    /// @notice The request handed over is not the one that the statement is about, or not one that counts here.
    /// @param requestId The request that the statement names.
    error StatementMismatch(uint256 requestId);
    /// @notice A model with answers may accept several, so an answer that is not the final one is not thereby wrong.
    /// @param requestId The request.
    error NotDecidable(uint256 requestId);

    /// @notice Fixes oracle, registry and requester.
    /// @param oracle_ The oracle.
    /// @param registry_ The Validation Registry.
    /// @param requester_ Whose requests count: a contract that fixes its terms, such as an {InferenceConsumer}.
    constructor(IInferenceOracle oracle_, IValidationRegistry registry_, address requester_) {
        ORACLE = oracle_;
        REGISTRY = registry_;
        REQUESTER = requester_;
    }

    /// @notice Judges a statement whose request has its final answer, and tells the registry.
    /// @param statement The statement.
    /// @param request The request as emitted.
    function validate(Statement calldata statement, Request calldata request) external {
        bytes32 hash = requestHash(statement);
        if (validated[hash]) revert AlreadyValidated(hash);
        (address validator, uint256 agentId, , , , ) = REGISTRY.getValidationStatus(hash);
        if (validator != address(this) || agentId != statement.agentId) {
            revert NotRequested(hash, validator, agentId);
        }
        if (
            ORACLE.requestHash(statement.requestId) != keccak256(abi.encode(request)) ||
            request.requester != REQUESTER ||
            request.modelId != statement.modelId ||
            request.inputs != statement.inputs
        ) revert StatementMismatch(statement.requestId);
        bool right = ORACLE.isResult(statement.requestId, statement.outputs);
        if (!right && ORACLE.registry().answersOf(statement.modelId).length != 0) {
            revert NotDecidable(statement.requestId);
        }
        validated[hash] = true;
        emit Validated(hash, statement.agentId, right);
        REGISTRY.validationResponse(hash, right ? PASSED : FAILED, "", statement.outputs, TAG);
    }

    /// @notice The oracle that decides.
    /// @return Its address.
    function oracle() external view returns (IInferenceOracle) {
        return ORACLE;
    }

    /// @notice Whose requests count.
    /// @return Its address.
    function requester() external view returns (address) {
        return REQUESTER;
    }

    /// @notice The registry that is told.
    /// @return Its address.
    function registry() external view returns (IValidationRegistry) {
        return REGISTRY;
    }

    /// @notice Hash under which the agent's owner requests the validation. It names agent, chain and oracle, so that what is
    /// said of one agent is never said of another.
    /// @param statement The statement.
    /// @return keccak256(abi.encode(chain id, oracle, statement)).
    function requestHash(Statement calldata statement) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, ORACLE, statement));
    }
}
