// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title HostileToken
/// @notice A token that behaves, until a test says otherwise.
contract HostileToken is IERC20 {
    /// @notice What the token does.
    enum Mood {
        Behave,
        TakeFee,
        ReturnNothing,
        ReturnFalse,
        MoveNothing,
        LieAboutBalances,
        Reenter,
        ReturnBomb,
        BurnGas
    }

    /// @notice What the token does.
    Mood public mood;
    /// @notice Accounts from and to which nothing moves.
    mapping(address account => bool) public isBlocked;
    /// @notice What a transfer calls.
    address public target;
    /// @notice With what.
    bytes public payload;
    /// @notice Whether that call succeeded.
    bool public reentered;
    /// @notice What that call returned or reverted with.
    bytes public returned;
    /// @notice What the token is called.
    string public symbol = "GLD";
    /// @notice Decimals that its amounts are shown with.
    uint256 public decimals = 6;
    /// @inheritdoc IERC20
    uint256 public totalSupply;
    /// @inheritdoc IERC20
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    /// @notice Tenths of the shares that every account is shown: a rebase changes it.
    uint256 private _scale = 10;
    mapping(address account => uint256) private _shares;

    /// @notice The account is on the token's list.
    /// @param account The account.
    error Blocked(address account);

    /// @notice Sets what happens.
    /// @param mood_ What the token does.
    /// @param target_ What a transfer calls, if it reenters.
    /// @param payload_ With what.
    function plan(Mood mood_, address target_, bytes calldata payload_) external {
        (mood, target, payload) = (mood_, target_, payload_);
    }

    /// @notice Changes what the token says of itself.
    /// @param symbol_ What it is called.
    /// @param decimals_ Decimals of its amounts.
    function label(string calldata symbol_, uint256 decimals_) external {
        (symbol, decimals) = (symbol_, decimals_);
    }

    /// @notice Puts an account on the list, or takes it off.
    /// @param account The account.
    /// @param blocked Whether it is on it.
    function block_(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    /// @notice Changes what every account is shown to have.
    /// @param tenths Of what it had at first.
    function rebase(uint256 tenths) external {
        _scale = tenths;
    }

    /// @notice Makes tokens.
    /// @param to Whom they belong to.
    /// @param amount How many.
    function mint(address to, uint256 amount) external {
        _shares[to] += amount;
        totalSupply += amount;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    /// @inheritdoc IERC20
    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        if (mood == Mood.LieAboutBalances) return gasleft();
        return (_shares[account] * _scale) / 10;
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        if (isBlocked[from]) revert Blocked(from);
        if (isBlocked[to]) revert Blocked(to);
        if (mood == Mood.ReturnFalse) return false;
        if (mood == Mood.MoveNothing) return true;
        if (mood == Mood.BurnGas) {
            while (true) {}
        }
        if (mood == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                revert(0, 200000)
            }
        }
        uint256 shares = (amount * 10) / _scale;
        _shares[from] -= shares;
        _shares[to] += mood == Mood.TakeFee ? shares - 1 : shares;
        // As ERC-777 does: the parties are told in the middle of it.
        if (mood == Mood.Reenter) (reentered, returned) = target.call(payload);
        if (mood == Mood.ReturnNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return true;
    }
}
