// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice An input, output or answer of a model.
/// @param node Index of the node whose tensor it is.
/// @param byteLength Bytes of that tensor.
struct TensorRef {
    uint32 node;
    uint32 byteLength;
}

/// @notice A model as it is published.
/// @dev Input nodes of the program whose slot is below the number of inputs read the request, those from there on the
/// answers.
/// @param programRoot Root of the tree over the encoded nodes.
/// @param nodeCount Nodes of the program.
/// @param inputs Tensors that a request supplies, in order.
/// @param outputs Tensors that the program computes, in order: what a claim supplies, unless there are answers.
/// @param answers Tensors that a claim supplies and the program checks, in order; mostly none. A claim on a model with
/// answers is right if and only if the program, run on inputs and answers, yields 1 as its only output, a scalar.
struct Model {
    bytes32 programRoot;
    uint32 nodeCount;
    TensorRef[] inputs;
    TensorRef[] outputs;
    TensorRef[] answers;
}

/// @title IModelRegistry
/// @notice Commitments to models. Anyone publishes; nobody can change or remove one.
interface IModelRegistry {
    /// @notice A model was published, or published again with another place to find it.
    /// @param modelId Id of the model.
    /// @param publisher Who published it.
    /// @param programRoot Root of the tree over the encoded nodes.
    /// @param nodeCount Nodes of the program.
    /// @param inputs Tensors that a request supplies.
    /// @param outputs Tensors that the program computes.
    /// @param answers Tensors that a claim supplies and the program checks.
    /// @param uri Where its program and weights are said to be; not trusted.
    event Published(
        bytes32 indexed modelId,
        address indexed publisher,
        bytes32 programRoot,
        uint32 nodeCount,
        TensorRef[] inputs,
        TensorRef[] outputs,
        TensorRef[] answers,
        string uri
    );

    /// @notice No model with this id was published.
    /// @param modelId The id.
    error UnknownModel(bytes32 modelId);
    /// @notice The bytes are not as long as all input tensors together.
    /// @param expected Bytes wanted.
    /// @param given Bytes given.
    error InputLengthMismatch(uint256 expected, uint256 given);
    /// @notice The bytes are not as long as all tensors together that a claim supplies.
    /// @param expected Bytes wanted.
    /// @param given Bytes given.
    error OutputLengthMismatch(uint256 expected, uint256 given);
    /// @notice A program has at least one node and no more than the limit.
    /// @param nodeCount Nodes given.
    /// @param limit Most nodes.
    error NodeCountOutOfBounds(uint256 nodeCount, uint256 limit);
    /// @notice A model has at least one output, and at most the limit of inputs and of outputs.
    /// @param inputs Inputs given.
    /// @param outputs Outputs given.
    /// @param limit Most of each.
    error TensorCountOutOfBounds(uint256 inputs, uint256 outputs, uint256 limit);
    /// @notice A model has more answers than the limit.
    /// @param answers Answers given.
    /// @param limit Most of them.
    error AnswerCountOutOfBounds(uint256 answers, uint256 limit);
    /// @notice A model with answers has one output of 1 or 4 bytes, which says whether they are right.
    /// @param outputs Outputs given.
    /// @param byteLength Bytes of the output; 0 if there is not exactly one.
    error AcceptNotScalar(uint256 outputs, uint256 byteLength);
    /// @notice The answers of a model are larger than a claim can carry.
    /// @param byteLength Bytes of all together.
    /// @param limit Most bytes.
    error AnswersTooLarge(uint256 byteLength, uint256 limit);
    /// @notice A claimant's first answer to a challenge would cost more than a challenge bond is sure to pay: the proofs of the
    /// outputs are too large.
    /// @param outputs Outputs given.
    /// @param size Bytes of that transaction's calldata, at most.
    /// @param limit Most bytes.
    error FirstAnswerTooLarge(uint256 outputs, uint256 size, uint256 limit);
    /// @notice There is not one root for each tensor.
    /// @param expected Tensors of the model.
    /// @param given Roots given.
    error RootCountMismatch(uint256 expected, uint256 given);
    /// @notice An input, output or answer names a node that is not in the program, or is longer than the limit.
    /// @param node Index of the node.
    /// @param byteLength Bytes.
    error TensorRefOutOfBounds(uint256 node, uint256 byteLength);

    /// @notice Publishes a model. A second time changes nothing and only emits again.
    /// @param programRoot Root of the tree over the encoded nodes.
    /// @param nodeCount Nodes of the program.
    /// @param inputs Tensors that a request supplies, in order.
    /// @param outputs Tensors that the program computes, in order.
    /// @param answers Tensors that a claim supplies and the program checks, in order; none if a claim supplies the outputs.
    /// @param uri Where its program and weights are; not trusted.
    /// @return modelId keccak256(MODEL ‖ u32 version ‖ u32 steps = 1 ‖ programRoot ‖ u32 nodeCount ‖ u8 inputs ‖
    /// (u32 node, u32 byteLength)* ‖ u8 outputs ‖ (u32 node, u32 byteLength)*); with answers, their list follows likewise.
    function publish(
        bytes32 programRoot,
        uint32 nodeCount,
        TensorRef[] calldata inputs,
        TensorRef[] calldata outputs,
        TensorRef[] calldata answers,
        string calldata uri
    ) external returns (bytes32 modelId);

    /// @notice Version of the instruction set that ids commit to.
    /// @return The version.
    function version() external view returns (uint32);

    /// @notice Whether a model was published.
    /// @param modelId Id of the model.
    /// @return True if so.
    function isPublished(bytes32 modelId) external view returns (bool);

    /// @notice The program of a model.
    /// @param modelId Id of the model.
    /// @return programRoot Root of the tree over the encoded nodes.
    /// @return nodeCount Nodes of the program.
    /// @return hasAnswers Whether a claim supplies answers, not outputs.
    function programOf(
        bytes32 modelId
    ) external view returns (bytes32 programRoot, uint32 nodeCount, bool hasAnswers);

    /// @notice The program and outputs that a trace of a model has to show.
    /// @param modelId Id of the model.
    /// @return programRoot Root of the tree over the encoded nodes.
    /// @return nodeCount Nodes of the program.
    /// @return hasAnswers Whether a claim supplies answers, not outputs.
    /// @return outputs The tensors that the program computes.
    function traceEnd(
        bytes32 modelId
    )
        external
        view
        returns (bytes32 programRoot, uint32 nodeCount, bool hasAnswers, TensorRef[] memory outputs);

    /// @notice Everything published of a model.
    /// @param modelId Id of the model.
    /// @return The model.
    function modelOf(bytes32 modelId) external view returns (Model memory);

    /// @notice The tensors that a request supplies.
    /// @param modelId Id of the model.
    /// @return Node and byte length of each.
    function inputsOf(bytes32 modelId) external view returns (TensorRef[] memory);

    /// @notice The tensors that the program computes.
    /// @param modelId Id of the model.
    /// @return Node and byte length of each.
    function outputsOf(bytes32 modelId) external view returns (TensorRef[] memory);

    /// @notice The tensors that a claim supplies and the program checks.
    /// @param modelId Id of the model.
    /// @return Node and byte length of each; none if a claim supplies the outputs.
    function answersOf(bytes32 modelId) external view returns (TensorRef[] memory);

    /// @notice The tensors that a claim supplies: the answers, or the outputs of a model without answers.
    /// @param modelId Id of the model.
    /// @return Node and byte length of each.
    function suppliedOf(bytes32 modelId) external view returns (TensorRef[] memory);

    /// @notice Commitment to a request's input.
    /// @param modelId Id of the model.
    /// @param input All input tensors, one after the other.
    /// @return keccak256(INPUTS ‖ root of each tensor).
    function commitInput(bytes32 modelId, bytes calldata input) external view returns (bytes32);

    /// @notice Commitment to what a claim supplies.
    /// @param modelId Id of the model.
    /// @param output All tensors of {suppliedOf}, one after the other.
    /// @return keccak256(OUTPUTS ‖ root of each tensor).
    function commitOutput(bytes32 modelId, bytes calldata output) external view returns (bytes32);

    /// @notice {commitInput} of tensors that are given by their roots.
    /// @param modelId Id of the model.
    /// @param roots Root of each input tensor.
    /// @return keccak256(INPUTS ‖ root of each tensor).
    function commitInputRoots(bytes32 modelId, bytes32[] calldata roots) external view returns (bytes32);

    /// @notice {commitOutput} of tensors that are given by their roots.
    /// @param modelId Id of the model.
    /// @param roots Root of each tensor that a claim supplies.
    /// @return keccak256(OUTPUTS ‖ root of each tensor).
    function commitOutputRoots(bytes32 modelId, bytes32[] calldata roots) external view returns (bytes32);
}
