// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { IInferenceOracle } from "../interfaces/IInferenceOracle.sol";

/// @notice Address of an ERC-20 token, or zero for ether.
type Currency is address;

using CurrencyLib for Currency global;

/// @title CurrencyLib
/// @notice Takes and sends amounts of one currency. The only place that tells ether from a token.
library CurrencyLib {
    using SafeERC20 for IERC20;

    /// @notice Whether the currency is ether.
    /// @param currency The currency.
    /// @return True if so.
    function isEther(Currency currency) internal pure returns (bool) {
        return Currency.unwrap(currency) == address(0);
    }

    /// @notice Takes an amount from the caller, exactly: the ether sent along, or tokens that the caller allowed.
    /// @dev A token that takes a fee, or says of itself that it moved another amount, is refused here. The token may call
    /// anybody meanwhile, so callers of this function guard against being entered again.
    /// @param currency The currency.
    /// @param amountWei How much, in the smallest unit.
    function take(Currency currency, uint256 amountWei) internal {
        uint256 etherWei = currency.isEther() ? amountWei : 0;
        if (msg.value != etherWei) revert IInferenceOracle.PaymentMismatch(etherWei, msg.value);
        if (currency.isEther() || amountWei == 0) return;
        IERC20 token = IERC20(Currency.unwrap(currency));
        uint256 before = token.balanceOf(address(this));
        if (!token.trySafeTransferFrom(msg.sender, address(this), amountWei)) {
            revert IInferenceOracle.PaymentRefused(address(token), msg.sender, amountWei);
        }
        uint256 afterwards = token.balanceOf(address(this));
        uint256 receivedWei = afterwards > before ? afterwards - before : 0;
        if (receivedWei != amountWei) {
            revert IInferenceOracle.PaymentInexact(address(token), amountWei, receivedWei);
        }
    }

    /// @notice Pays an amount out, or reverts.
    /// @param currency The currency.
    /// @param to Receiver.
    /// @param amountWei How much, in the smallest unit.
    function pay(Currency currency, address to, uint256 amountWei) internal {
        bool sent;
        if (currency.isEther()) (sent, ) = to.call{ value: amountWei }("");
        else sent = IERC20(Currency.unwrap(currency)).trySafeTransfer(to, amountWei);
        if (!sent) revert IInferenceOracle.WithdrawalRefused(to, amountWei);
    }
}
