// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import { ERC165 } from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import { IProofVerifier } from "../interfaces/IProofVerifier.sol";

/// @title AttesterQuorum
/// @notice A verifier that says yes if enough of its signers attest, by EIP-712, that a model leads from an input to an
/// output. Signers and their number are fixed at deployment; whoever names this as its verifier trusts that many of them.
contract AttesterQuorum is IProofVerifier, EIP712, ERC165 {
    /// @notice One signature of a proof.
    /// @param signer Who signed: an account, or a contract with ERC-1271.
    /// @param signature Its signature of {attestationDigest}.
    struct Attestation {
        address signer;
        bytes signature;
    }

    /// @notice EIP-712 type of what is signed. It names one claim, so that the signatures serve no copy of it, and not
    /// the same output claimed again after that claim was falsified.
    bytes32 public constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(uint256 chainId,address oracle,uint256 claimId,bytes32 modelId,address claimant,bytes32 inputHash,bytes32 outputHash)"
    );
    /// @notice Bytes of the oracle's metadata: five words.
    uint256 private constant METADATA_BYTES = 160;

    /// @notice Signatures that a proof needs.
    uint256 public immutable THRESHOLD;
    /// @notice Whether an account is a signer.
    mapping(address account => bool) public isSigner;

    bytes32 private immutable PROFILE;

    /// @notice Signers are given in ascending order, without zero, so that none is there twice.
    /// @param signer The first one that is out of order.
    error SignersNotAscending(address signer);
    /// @notice At least one signature is needed, and no more than there are signers.
    /// @param threshold Signatures asked for.
    /// @param signers Signers given.
    error ThresholdOutOfBounds(uint256 threshold, uint256 signers);

    /// @notice Fixes the signers.
    /// @param signers Their addresses, ascending.
    /// @param threshold Number of them that must sign.
    constructor(address[] memory signers, uint256 threshold) EIP712("Assay attester quorum", "1") {
        if (threshold == 0 || threshold > signers.length) {
            revert ThresholdOutOfBounds(threshold, signers.length);
        }
        address last = address(0);
        for (uint256 i = 0; i < signers.length; ++i) {
            if (signers[i] <= last) revert SignersNotAscending(signers[i]);
            last = signers[i];
            isSigner[last] = true;
        }
        THRESHOLD = threshold;
        PROFILE = keccak256(abi.encode("attestation/multisig", signers, threshold));
    }

    /// @inheritdoc IProofVerifier
    /// @dev `proof` is abi.encode(Attestation[]) with signers ascending. One that is no signer's, not valid or out of order
    /// makes the whole proof fail. Bytes that are no such list revert, which the oracle takes for a no.
    function verify(
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata,
        bytes calldata proof
    ) external view returns (bool) {
        if (metadata.length != METADATA_BYTES) return false;
        bytes32 digest = attestationDigest(inputHash, outputHash, metadata);
        Attestation[] memory attestations = abi.decode(proof, (Attestation[]));
        if (attestations.length < THRESHOLD) return false;
        address last = address(0);
        for (uint256 i = 0; i < attestations.length; ++i) {
            address signer = attestations[i].signer;
            // RULE: each signer counts once, however many signatures of it there are.
            if (signer <= last || !isSigner[signer]) return false;
            if (!SignatureChecker.isValidSignatureNow(signer, digest, attestations[i].signature))
                return false;
            last = signer;
        }
        return true;
    }

    /// @inheritdoc IProofVerifier
    function proofProfile() external view returns (bytes32) {
        return PROFILE;
    }

    /// @inheritdoc IProofVerifier
    function proofSystem() external pure returns (string memory) {
        return "attestation/multisig";
    }

    /// @notice The digest that signers sign.
    /// @param inputHash Commitment to the input.
    /// @param outputHash Commitment to what is claimed.
    /// @param metadata As the oracle gives it to {verify}: five words, encoded as EIP-712 encodes the first five fields.
    /// @return The EIP-712 digest, for this contract on this chain.
    function attestationDigest(
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata
    ) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(abi.encodePacked(ATTESTATION_TYPEHASH, metadata, inputHash, outputHash))
            );
    }

    /// @notice Says which interfaces this contract has (ERC-165).
    /// @param interfaceId The interface.
    /// @return True if it has it.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IProofVerifier).interfaceId || super.supportsInterface(interfaceId);
    }
}
