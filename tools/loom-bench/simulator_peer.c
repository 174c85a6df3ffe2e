// SPDX-License-Identifier: MIT
/* tools/models/ort-time answers each line with the milliseconds that an inference took. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "simulator.h"

#define PROGRAM "tools/models/ort-time"

struct bench_peer {
	pid_t pid;
	FILE *to, *from;
};

static void exec_peer(const char *onnx_file, unsigned int threads, int in, int out)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", threads);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execl(PROGRAM, PROGRAM, onnx_file, number, NULL);
	_exit(127);
}

static bool start(struct bench_peer *peer, const char *onnx_file, unsigned int threads)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return false;
	peer->pid = fork();
	if (!peer->pid)
		exec_peer(onnx_file, threads, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	peer->to = fdopen(to[1], "w");
	peer->from = fdopen(from[0], "r");
	return peer->pid > 0 && peer->to && peer->from;
}

struct bench_peer *bench_peer_open(const char *onnx_file, unsigned int threads)
{
	struct bench_peer *peer = calloc(1, sizeof(*peer));

	/* The first one is for warming up, and says whether there is a peer at all. */
	if (peer && start(peer, onnx_file, threads) && bench_peer_infer(peer) >= 0)
		return peer;
	if (peer)
		bench_peer_close(peer);
	return NULL;
}

void bench_peer_close(struct bench_peer *peer)
{
	if (peer->to)
		fclose(peer->to);
	if (peer->from)
		fclose(peer->from);
	if (peer->pid > 0)
		waitpid(peer->pid, NULL, 0);
	free(peer);
}

double bench_peer_infer(struct bench_peer *peer)
{
	double ms;

	fputs("run\n", peer->to);
	if (fflush(peer->to) || fscanf(peer->from, "%lf", &ms) != 1)
		return -1;
	return ms;
}
