// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title IProofVerifier
/// @notice Says whether a proof shows that an input leads to an output; the interface of the same name in ERC-8274, a
/// draft. Of a requester's choice in {Terms}: whatever it says binds that requester alone.
interface IProofVerifier {
    /// @notice Whether a proof holds.
    /// @dev The oracle calls this without letting it change state. ERC-8274 does not say `view`; an implementation that
    /// writes makes the call fail.
    /// @param inputHash Commitment to the input, as {IModelRegistry.commitInput}.
    /// @param outputHash Commitment to what is claimed, as {IModelRegistry.commitOutput}.
    /// @param metadata From the oracle: abi.encode(uint256 chainId, address oracle, uint256 claimId, bytes32 modelId,
    /// address claimant). A proof that anybody may copy must be bound to the claimant, or a copy of the claim takes
    /// the fee.
    /// @param proof Evidence, in the verifier's own encoding.
    /// @return True if it holds.
    function verify(
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata,
        bytes calldata proof
    ) external view returns (bool);

    /// @notice The kind of proof that it takes.
    /// @return As "paradigm/variant".
    function proofSystem() external view returns (string memory);

    /// @notice The deployment that it belongs to.
    /// @return Hash of the kind of proof and of what is fixed at deployment.
    function proofProfile() external view returns (bytes32);
}
