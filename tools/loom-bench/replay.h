/* SPDX-License-Identifier: MIT */
/*
 * replay.h - two commands that hold one run against another.
 *
 *   replay.c     what loomd recorded of its scheduler, told to another one (recording.c reads it)
 *   agree.c      the slice orders and figures of two runs: the VM's and the host's
 */
#ifndef LOOM_BENCH_REPLAY_H
#define LOOM_BENCH_REPLAY_H

int bench_replay(int argc, char **argv);
int bench_agree(int argc, char **argv);

#endif /* LOOM_BENCH_REPLAY_H */
