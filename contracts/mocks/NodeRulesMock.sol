// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Model } from "../interfaces/IModelRegistry.sol";
import { CostLib } from "../libraries/program/CostLib.sol";
import { NodeLib } from "../libraries/program/NodeLib.sol";
import { NodeRules, Rule } from "../libraries/program/NodeRules.sol";

/// @title NodeRulesMock
/// @notice Tells tests which rule a node breaks, and what its worst leaf costs.
contract NodeRulesMock {
    /// @notice The first rule that each of many nodes breaks, in one byte each.
    function violations(
        Model calldata model,
        uint256 nodeIndex,
        bytes[] calldata descriptors
    ) external pure returns (bytes memory rules) {
        rules = new bytes(descriptors.length);
        for (uint256 i = 0; i < descriptors.length; i++) {
            rules[i] = bytes1(uint8(NodeRules.violation(model, nodeIndex, descriptors[i])));
        }
    }

    /// @notice The first rule that a node's first operand breaks with the node that it reads.
    function operandViolation(
        uint256 nodeCount,
        uint256 nodeIndex,
        bytes calldata descriptor,
        bytes calldata read
    ) external pure returns (Rule) {
        return NodeRules.operandViolation(nodeCount, nodeIndex, NodeLib.operandsStart(descriptor), read);
    }

    /// @notice {CostLib-leafCost}
    function leafCost(
        bytes calldata descriptor
    ) external pure returns (uint256 witnessBytes, uint256 computeGas) {
        return CostLib.leafCost(descriptor);
    }
}
