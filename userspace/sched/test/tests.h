/* SPDX-License-Identifier: MIT */
#ifndef SCHED_TEST_TESTS_H
#define SCHED_TEST_TESTS_H

int run_step_tests(void);
int run_policy_tests(void);
int run_core_tests(void);
int run_weave_tests(void);
int run_rank_tests(void);
int run_end_tests(void);
int run_random_tests(void);
int run_urgency_tests(void);
int run_waiting_tests(void);
int run_property_tests(void);

#endif /* SCHED_TEST_TESTS_H */
