// SPDX-License-Identifier: MIT
#include "tests.h"

int main(void)
{
	return run_step_tests() + run_policy_tests() + run_core_tests() + run_weave_tests() +
	       run_random_tests() + run_rank_tests() + run_end_tests() + run_urgency_tests() +
	       run_waiting_tests() + run_property_tests();
}
