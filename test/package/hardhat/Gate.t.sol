// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { MockInferenceOracle } from "assay/contracts/testing/MockInferenceOracle.sol";
import { Gate } from "./Gate.sol";

contract GateTest {
    MockInferenceOracle private _oracle;
    Gate private _gate;

    function setUp() external {
        _oracle = new MockInferenceOracle(address(0));
        _gate = new Gate(_oracle, keccak256("digits"));
    }

    function test_ask_keepsTheDigit() external {
        uint256 requestId = _gate.ask{ value: 0.011 ether }("image");
        require(_gate.digitOf(requestId) == 0, "there is an answer before finality");
        _oracle.answer(requestId, hex"07000000");
        require(_gate.digitOf(requestId) == 7, "the digit is not kept");
    }

    function test_ask_takesExactlyItsPrice() external {
        try _gate.ask{ value: 0.01 ether }("image") {
            revert("a fee that is too small was taken");
        } catch {}
    }

    function test_onInference_isTheOraclesAlone() external {
        uint256 requestId = _gate.ask{ value: 0.011 ether }("image");
        try _gate.onInference(requestId, hex"07000000") {
            revert("a stranger could answer");
        } catch {}
    }
}
