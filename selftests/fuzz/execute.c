// SPDX-License-Identifier: GPL-2.0-only

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define TIME_LIMIT_S 60		/* of guest time, of which a debug kernel takes a lot */

static const struct program *program;
static struct state state;

static void run_thread(unsigned int thread)
{
	unsigned int i;

	for (i = 0; i < program->num; i++)
		if (program->calls[i].thread == thread)
			call_infos[program->calls[i].op].fn(&state, program->calls[i].words);
}

static void *second_thread(void *arg)
{
	cover_start(1);
	run_thread(1);
	return NULL;
}

/* A world to begin with, so that most programs get to the jobs. */
static void furnish(void)
{
	unsigned int i, k;
	struct bo bo;

	for (i = 0; i < NUM_FILES; i++)
		state.files[i] = -1;
	for (i = 0; i < NUM_THINGS; i++)
		state.dmabufs[i] = -1;
	state.files[0] = loom_open();
	if (bo_create(state.files[0], 4 * PAGE, &bo) ||
	    vm_create(state.files[0], 4096, state.vms) ||
	    vm_map(state.files[0], state.vms[0], &bo, WORLD_VA, 0, 4 * PAGE, DRM_LOOM_MAP_WRITE) ||
	    queue_create(state.files[0], 8, 4, 0, state.queues) ||
	    queue_set_vm(state.files[0], state.queues[0], 0, state.vms[0]))
		return;
	state.bos[0] = bo.handle;
	state.maps[0] = (struct mapping){ bo.map, bo.size };
	for (i = 0; i < ARRAY_SIZE(state.jobs); i++) {
		struct assembler a;

		asm_begin(&a, (char *)bo.map + (i % 4) * 1024, 1024);
		for (k = 0; k <= i; k++)
			asm_nop(&a);
		state.jobs[i] = (struct drm_loom_job){
			.cmd_va = WORLD_VA + (i % 4) * 1024,
			.cmd_size = a.header->size,
		};
	}
}

/* Half of the programs leave it to the kernel to close what is open. */
static void clear_up(void)
{
	unsigned int i;

	if (program->calls[0].words[0] & 1)
		return;
	for (i = 0; i < ARRAY_SIZE(state.rings); i++)
		call_uring_exit(&state, &i);
	for (i = 0; i < NUM_FILES; i++)
		close(state.files[i]);
}

static void child(void)
{
	pthread_t thread;
	bool two = false;
	unsigned int i;

	for (i = 0; i < program->num; i++)
		two |= program->calls[i].thread;
	furnish();
	two = two && !pthread_create(&thread, NULL, second_thread, NULL);
	cover_start(0);
	run_thread(0);
	clear_up();
	if (two)
		pthread_join(thread, NULL);
	_exit(0);
}

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

enum outcome execute(const struct program *p)
{
	uint64_t end = now_s() + TIME_LIMIT_S;
	int status;
	pid_t pid;

	program = p;
	pid = fork();
	if (!pid)
		child();
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_s() > end) {
			kill(pid, SIGKILL);
			return OUTCOME_HUNG;
		}
		usleep(500);
	}
	return WIFEXITED(status) ? OUTCOME_ENDED : OUTCOME_KILLED;
}
