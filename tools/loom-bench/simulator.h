/* SPDX-License-Identifier: MIT */
/*
 * simulator.h - what the files of `loom-bench simulator` share: how fast the simulator is itself.
 *
 *   simulator.c          options, what is compiled, the report
 *   simulator_measure.c  inferences against the clock
 *   simulator_peer.c     ONNX Runtime on the same model, turn by turn
 *   simulator_vm.c       in the VM, and simulator_guest.c there
 */
#ifndef LOOM_BENCH_SIMULATOR_H
#define LOOM_BENCH_SIMULATOR_H

#include <stdbool.h>
#include <stdint.h>

/* A compiled model on a device of its own in this process, all its slices in one submission. */
struct bench_sim;

int bench_sim_open(const char *spec, const char *loom_file, struct bench_sim **sim);
void bench_sim_close(struct bench_sim *sim);
/* So many inferences, one after the other. */
int bench_sim_infer(struct bench_sim *sim, uint64_t times);
/* Commands that the device executes for one. */
uint64_t bench_sim_commands(const struct bench_sim *sim);

struct bench_clock {
	double wall, cpu;	/* seconds; cpu: of all threads of this process */
};

struct bench_clock bench_clock_now(void);

/* ONNX Runtime in a process of its own. NULL: there is none. */
struct bench_peer;

struct bench_peer *bench_peer_open(const char *onnx_file, unsigned int threads);
void bench_peer_close(struct bench_peer *peer);
/* Milliseconds of one inference; negative: it failed. */
double bench_peer_infer(struct bench_peer *peer);

/* Of the host's processor time, an inference in the VM with functional=off and on. Leaves the working directory. */
int bench_simulator_vm(const char *loom_file, double *off_ms, double *on_ms);

int bench_simulator(int argc, char **argv);
int bench_simulator_guest(int argc, char **argv);

#endif /* LOOM_BENCH_SIMULATOR_H */
