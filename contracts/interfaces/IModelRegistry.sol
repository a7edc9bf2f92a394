// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An input or output of a model.
/// @param node Index of the node whose tensor it is.
/// @param byteLength Bytes of that tensor.
struct TensorRef {
    uint32 node;
    uint32 byteLength;
}

/// @notice What is published of a model.
/// @param programRoot Root of the tree over the encoded nodes.
/// @param nodeCount Nodes of the program.
/// @param inputs Tensors that a request supplies, in order.
/// @param outputs Tensors that a claim supplies, in order.
struct Model {
    bytes32 programRoot;
    uint32 nodeCount;
    TensorRef[] inputs;
    TensorRef[] outputs;
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
    /// @param outputs Tensors that a claim supplies.
    /// @param uri Where its program and weights are said to be; not trusted.
    event Published(
        bytes32 indexed modelId,
        address indexed publisher,
        bytes32 programRoot,
        uint32 nodeCount,
        TensorRef[] inputs,
        TensorRef[] outputs,
        string uri
    );

    /// @notice No model with this id was published.
    /// @param modelId The id.
    error UnknownModel(bytes32 modelId);
    /// @notice The bytes are not as long as all input tensors together.
    /// @param expected Bytes wanted.
    /// @param given Bytes given.
    error InputLengthMismatch(uint256 expected, uint256 given);
    /// @notice The bytes are not as long as all output tensors together.
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
    /// @notice An input or output names a node that is not in the program, or is longer than the limit.
    /// @param node Index of the node.
    /// @param byteLength Bytes.
    error TensorRefOutOfBounds(uint256 node, uint256 byteLength);

    /// @notice Publishes a model. A second time changes nothing and only emits again.
    /// @param programRoot Root of the tree over the encoded nodes.
    /// @param nodeCount Nodes of the program.
    /// @param inputs Tensors that a request supplies, in order.
    /// @param outputs Tensors that a claim supplies, in order.
    /// @param uri Where its program and weights are; not trusted.
    /// @return modelId keccak256(MODEL ‖ u32 version ‖ u32 steps = 1 ‖ programRoot ‖ u32 nodeCount ‖ u8 inputs ‖
    /// (u32 node, u32 byteLength)* ‖ u8 outputs ‖ (u32 node, u32 byteLength)*).
    function publish(
        bytes32 programRoot,
        uint32 nodeCount,
        TensorRef[] calldata inputs,
        TensorRef[] calldata outputs,
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
    function programOf(bytes32 modelId) external view returns (bytes32 programRoot, uint32 nodeCount);

    /// @notice Everything published of a model.
    /// @param modelId Id of the model.
    /// @return The model.
    function modelOf(bytes32 modelId) external view returns (Model memory);

    /// @notice The tensors that a request supplies.
    /// @param modelId Id of the model.
    /// @return Node and byte length of each.
    function inputsOf(bytes32 modelId) external view returns (TensorRef[] memory);

    /// @notice The tensors that a claim supplies.
    /// @param modelId Id of the model.
    /// @return Node and byte length of each.
    function outputsOf(bytes32 modelId) external view returns (TensorRef[] memory);

    /// @notice Commitment to a request's input.
    /// @param modelId Id of the model.
    /// @param input All input tensors, one after the other.
    /// @return keccak256(INPUTS ‖ root of each tensor).
    function commitInput(bytes32 modelId, bytes calldata input) external view returns (bytes32);

    /// @notice Commitment to a claim's output.
    /// @param modelId Id of the model.
    /// @param output All output tensors, one after the other.
    /// @return keccak256(OUTPUTS ‖ root of each tensor).
    function commitOutput(bytes32 modelId, bytes calldata output) external view returns (bytes32);
}
