// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title TensorReader
/// @notice Reads elements of an answer: four bytes each, little-endian.
library TensorReader {
    /// @notice The answer is shorter than that.
    /// @param index Element asked for.
    /// @param count Elements that there are.
    error ElementOutOfRange(uint256 index, uint256 count);
    /// @notice The float32 is an infinity or NaN.
    /// @param bits Its encoding.
    error NotFinite(uint32 bits);

    /// @notice Bits of an element.
    /// @param tensor The bytes.
    /// @param index Index of the element.
    /// @return bits As u32; of a float32, its IEEE 754 encoding.
    function bitsAt(bytes memory tensor, uint256 index) internal pure returns (uint32 bits) {
        if (index >= tensor.length / 4) revert ElementOutOfRange(index, tensor.length / 4);
        for (uint256 i = 4; i > 0; --i) bits = (bits << 8) | uint8(tensor[4 * index + i - 1]);
    }

    /// @notice An int32 element.
    /// @param tensor The bytes.
    /// @param index Index of the element.
    /// @return The number.
    function i32At(bytes memory tensor, uint256 index) internal pure returns (int32) {
        return int32(bitsAt(tensor, index));
    }

    /// @notice A float32 element.
    /// @param tensor The bytes.
    /// @param index Index of the element.
    /// @return Its value times 10^18, rounded toward zero; infinities and NaN revert.
    function f32At(bytes memory tensor, uint256 index) internal pure returns (int256) {
        return wadOf(bitsAt(tensor, index));
    }

    /// @notice The number that a float32 is.
    /// @dev IEEE 754-2019, 3.4: (-1)^sign × fraction × 2^(exponent - 150); below 2^128 × 10^18 < 2^188.
    /// @param bits Its encoding.
    /// @return wad Its value times 10^18, rounded toward zero; infinities and NaN revert.
    function wadOf(uint32 bits) internal pure returns (int256 wad) {
        uint256 exponent = (bits >> 23) & 0xff;
        if (exponent == 0xff) revert NotFinite(bits);
        uint256 fraction = bits & 0x7fffff;
        if (exponent == 0) exponent = 1;
        else fraction |= 0x800000;
        uint256 scaled = fraction * 1e18;
        scaled = exponent < 150 ? scaled >> (150 - exponent) : scaled << (exponent - 150);
        wad = bits >> 31 == 0 ? int256(scaled) : -int256(scaled);
    }

    /// @notice Index of the greatest of float32 elements, the first if several are; NaN counts by its bits.
    /// @param tensor The bytes.
    /// @return best The index.
    function argmaxF32(bytes memory tensor) internal pure returns (uint256 best) {
        uint256 count = tensor.length / 4;
        uint32 greatest = _sortable(bitsAt(tensor, 0));
        for (uint256 i = 1; i < count; ++i) {
            uint32 key = _sortable(bitsAt(tensor, i));
            if (key > greatest) (best, greatest) = (i, key);
        }
    }

    /// @notice Maps the bits of a float32 to an integer of the same order; −0 and +0 to the same.
    /// @dev IEEE 754-2019, 3.4: magnitudes order as integers, the sign bit reverses them.
    function _sortable(uint32 bits) private pure returns (uint32) {
        if (bits < 0x80000000) return bits | 0x80000000;
        return 0x80000000 - (bits & 0x7fffffff);
    }
}
