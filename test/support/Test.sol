// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The cheat codes that the tests use, under Foundry's names and signatures.
interface Vm {
    /// @notice An event as it was emitted.
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    // Who calls, when, and with what.
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 balanceWei) external;
    function warp(uint256 timestamp) external;
    function roll(uint256 blockNumber) external;
    function fee(uint256 baseFeeWei) external;
    function etch(address account, bytes calldata code) external;
    function store(address account, bytes32 slot, bytes32 value) external;
    function load(address account, bytes32 slot) external view returns (bytes32 value);

    // What must happen in the next call.
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit() external;
    function expectEmit(address emitter) external;

    // Which events were emitted since recording began or they were asked for.
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);

    // What must hold; a run in which an assumption fails does not count.
    function assume(bool condition) external pure;
    function assertTrue(bool condition) external pure;
    function assertTrue(bool condition, string calldata reason) external pure;
    function assertFalse(bool condition) external pure;
    function assertFalse(bool condition, string calldata reason) external pure;
    function assertEq(bool left, bool right) external pure;
    function assertEq(uint256 left, uint256 right) external pure;
    function assertEq(uint256 left, uint256 right, string calldata reason) external pure;
    function assertEq(int256 left, int256 right) external pure;
    function assertEq(int256 left, int256 right, string calldata reason) external pure;
    function assertEq(address left, address right) external pure;
    function assertEq(bytes32 left, bytes32 right) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata reason) external pure;
    function assertEq(string calldata left, string calldata right) external pure;
    function assertEq(bytes calldata left, bytes calldata right) external pure;
    function assertNotEq(uint256 left, uint256 right) external pure;
    function assertNotEq(bytes32 left, bytes32 right) external pure;
    function assertLt(uint256 left, uint256 right) external pure;
    function assertLe(uint256 left, uint256 right) external pure;
    function assertGt(uint256 left, uint256 right) external pure;
    function assertGe(uint256 left, uint256 right) external pure;

    // Golden vectors and labels.
    function readFile(string calldata path) external view returns (string memory text);
    function parseJsonBytes(
        string calldata json,
        string calldata key
    ) external pure returns (bytes memory value);
    function parseJsonUintArray(
        string calldata json,
        string calldata key
    ) external pure returns (uint256[] memory values);
    function parseJsonBytes32Array(
        string calldata json,
        string calldata key
    ) external pure returns (bytes32[] memory values);
    function toString(uint256 value) external pure returns (string memory text);
    function label(address account, string calldata name) external;
}

/// @notice Base of the Solidity tests: cheat codes, bounded fuzz inputs, targets of invariants.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address[] private targets;
    address[] private excluded;

    /// @notice Names a contract whose functions an invariant run calls at random.
    function targetContract(address target) internal {
        targets.push(target);
    }

    /// @notice Asked by the test runner before an invariant run.
    function targetContracts() external view returns (address[] memory) {
        return targets;
    }

    /// @notice Names an account as which an invariant run calls nothing.
    function excludeSender(address sender) internal {
        excluded.push(sender);
    }

    /// @notice Asked by the test runner before an invariant run.
    function excludeSenders() external view returns (address[] memory) {
        return excluded;
    }

    /// @notice Folds a fuzz input into [low, high].
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        require(low <= high, "bound: empty range");
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1;
        return size == 0 ? value : low + (value % size);
    }
}
