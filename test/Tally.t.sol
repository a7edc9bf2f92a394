// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Tally } from "../contracts/Tally.sol";

contract TallyTest {
    Tally internal tally;

    function setUp() public {
        tally = new Tally();
    }

    function test_add_grows() public {
        tally.add(2);
        require(tally.count() == 2, "count");
    }

    function testFuzz_add_growsByStep(uint128 step) public {
        if (step == 0) return;
        tally.add(step);
        require(tally.count() == step, "count");
    }

    function invariant_CountIsReadable() public view {
        tally.count();
    }
}
