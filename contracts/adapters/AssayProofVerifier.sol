// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC165 } from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import { IInferenceOracle, Request } from "../interfaces/IInferenceOracle.sol";
import { IProofVerifier } from "../interfaces/IProofVerifier.sol";

/// @title AssayProofVerifier
/// @notice Experimental: an {IProofVerifier} (ERC-8274, a draft) for contracts that take any kind of proof. Its proof is the
/// oracle's own record: the output is the final answer of a request for this model and input, asked by one requester.
/// @dev Anybody can make a false answer final under terms of its own: a verifier that says yes to everything, an input
/// that nobody can get. So only requests of a requester that chooses its terms well count.
contract AssayProofVerifier is IProofVerifier, IERC165 {
    IInferenceOracle private immutable ORACLE;
    bytes32 private immutable MODEL_ID;
    address private immutable REQUESTER;

    /// @notice Fixes oracle, model and requester.
    /// @param oracle_ The oracle.
    /// @param modelId_ The model whose answers count.
    /// @param requester_ Whose requests count: a contract that fixes its terms, such as an {InferenceConsumer}.
    constructor(IInferenceOracle oracle_, bytes32 modelId_, address requester_) {
        ORACLE = oracle_;
        MODEL_ID = modelId_;
        REQUESTER = requester_;
    }

    /// @inheritdoc IProofVerifier
    /// @param metadata abi.encode(uint256 requestId, Request request), the request as emitted.
    /// @param proof Empty.
    function verify(
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata,
        bytes calldata proof
    ) external view returns (bool) {
        if (proof.length != 0) return false;
        (uint256 requestId, Request memory request) = abi.decode(metadata, (uint256, Request));
        return
            request.requester == REQUESTER &&
            request.modelId == MODEL_ID &&
            request.inputs == inputHash &&
            ORACLE.requestHash(requestId) == keccak256(abi.encode(request)) &&
            ORACLE.isFinal(requestId) &&
            ORACLE.isResult(requestId, outputHash);
    }

    /// @inheritdoc IProofVerifier
    function proofSystem() external pure returns (string memory) {
        return "opml/assay";
    }

    /// @inheritdoc IProofVerifier
    function proofProfile() external view returns (bytes32) {
        return keccak256(abi.encode("opml/assay", block.chainid, ORACLE, MODEL_ID, REQUESTER));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IProofVerifier).interfaceId || interfaceId == type(IERC165).interfaceId;
    }
}
