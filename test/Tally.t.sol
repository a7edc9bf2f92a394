// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Tally } from "../contracts/Tally.sol";
import { Test } from "./support/Test.sol";

contract TallyTest is Test {
    Tally internal tally;

    function setUp() public {
        tally = new Tally();
        targetContract(address(tally));
    }

    function test_add_grows() public {
        vm.expectEmit(address(tally));
        emit Tally.Counted(2);
        tally.add(2);
        vm.assertEq(tally.count(), 2);
    }

    function test_add_refusesZero() public {
        vm.expectRevert(Tally.StepIsZero.selector);
        tally.add(0);
    }

    function testFuzz_add_growsByStep(uint256 step) public {
        step = bound(step, 1, 1000);
        tally.add(step);
        vm.assertEq(tally.count(), step);
    }

    function invariant_CountIsReadable() public view {
        tally.count();
    }
}
