// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice The claim that a dispute is about, and both bonds.
///
/// ```
/// bits 255..160  claimId            u96   request << 32 | number
/// bits 159..80   claimBondWei       u80
/// bits  79..0    challengeBondWei   u80
/// ```
type Stake is uint256;

using StakeLib for Stake global;

/// @title StakeLib
/// @notice Reads and writes the fields of a {Stake}.
library StakeLib {
    /// @notice Highest bond, in wei: more than a million ether.
    uint256 internal constant MAX_BOND_WEI = type(uint80).max;

    /// @notice Packs a stake.
    /// @param claimId_ The claim, below 2^96.
    /// @param claimBondWei_ Its bond, at most MAX_BOND_WEI.
    /// @param challengeBondWei_ The dispute's bond, at most MAX_BOND_WEI.
    /// @return The stake.
    function pack(
        uint256 claimId_,
        uint256 claimBondWei_,
        uint256 challengeBondWei_
    ) internal pure returns (Stake) {
        return Stake.wrap((claimId_ << 160) | (claimBondWei_ << 80) | challengeBondWei_);
    }

    /// @notice The claim.
    /// @param self The stake.
    /// @return Its id.
    function claimId(Stake self) internal pure returns (uint256) {
        return Stake.unwrap(self) >> 160;
    }

    /// @notice The claim's bond.
    /// @param self The stake.
    /// @return In wei.
    function claimBondWei(Stake self) internal pure returns (uint256) {
        return (Stake.unwrap(self) >> 80) & MAX_BOND_WEI;
    }

    /// @notice The dispute's bond.
    /// @param self The stake.
    /// @return In wei.
    function challengeBondWei(Stake self) internal pure returns (uint256) {
        return Stake.unwrap(self) & MAX_BOND_WEI;
    }
}
