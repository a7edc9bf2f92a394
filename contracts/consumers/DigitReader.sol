// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IInferenceOracle, Request, Terms } from "../interfaces/IInferenceOracle.sol";
import { InferenceConsumer } from "./InferenceConsumer.sol";
import { TensorReader } from "./TensorReader.sol";

/// @title DigitReader
/// @notice Example: asks what digit an image shows and keeps the final answer.
contract DigitReader is InferenceConsumer {
    using TensorReader for bytes;

    bytes32 private immutable MODEL_ID;
    address payable private immutable TREASURY;

    /// @notice One more than the digit read; 0 before.
    mapping(uint256 requestId => uint256) private _digitPlusOne;

    /// @notice Somebody asked.
    /// @param requestId The request.
    /// @param asker Who.
    event Asked(uint256 indexed requestId, address indexed asker);
    /// @notice A digit was read, for good.
    /// @param requestId The request.
    /// @param digit From 0 to 9.
    event DigitRead(uint256 indexed requestId, uint256 digit);

    /// @notice There is no final answer yet.
    /// @param requestId The request.
    error NotReadYet(uint256 requestId);
    /// @notice Fixes oracle, model and treasury.
    /// @param oracle_ The oracle.
    /// @param modelId_ The digits model.
    /// @param treasury Gets the fees of requests that nobody answered.
    constructor(
        IInferenceOracle oracle_,
        bytes32 modelId_,
        address payable treasury
    ) InferenceConsumer(oracle_) {
        MODEL_ID = modelId_;
        TREASURY = treasury;
    }

    /// @notice Asks which digit an image shows. The ether sent is the fee.
    /// @param image The model's input.
    /// @param terms Terms within the oracle's bounds.
    /// @return requestId Id of the request.
    function ask(bytes calldata image, Terms calldata terms) external payable returns (uint256 requestId) {
        requestId = _ask(MODEL_ID, image, terms, msg.value);
        emit Asked(requestId, msg.sender);
    }

    /// @notice Takes a request back that nobody answers; anyone may, since the fee goes to the treasury.
    /// @param requestId The request.
    /// @param request The request as emitted.
    function takeBack(uint256 requestId, Request calldata request) external {
        _cancel(requestId, request);
        _collectTo(TREASURY);
    }

    /// @notice The digit; reverts before the answer is final.
    /// @param requestId The request.
    /// @return From 0 to 9.
    function digitOf(uint256 requestId) external view returns (uint256) {
        uint256 kept = _digitPlusOne[requestId];
        if (kept == 0) revert NotReadYet(requestId);
        return kept - 1;
    }

    /// @notice Keeps the digit.
    /// @param requestId The request.
    /// @param output The digit as an int32, then its probability as a float32.
    function _onAnswer(uint256 requestId, bytes calldata output) internal override {
        uint256 digit = output.bitsAt(0);
        _digitPlusOne[requestId] = digit + 1;
        emit DigitRead(requestId, digit);
    }
}
