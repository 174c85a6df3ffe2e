// SPDX-License-Identifier: GPL-2.0-only

#include <stdio.h>
#include <string.h>

#include "fuzz.h"

uint32_t rnd(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull >> 32;
}

static uint8_t random_op(uint64_t *seed)
{
	unsigned int sum = 0, op;
	uint32_t at;

	for (op = 0; op < num_call_infos; op++)
		sum += call_infos[op].weight;
	at = rnd(seed) % sum;
	for (op = 0; at >= call_infos[op].weight; op++)
		at -= call_infos[op].weight;
	return op;
}

static void make_call(struct call *c, uint64_t *seed)
{
	unsigned int i;

	c->op = random_op(seed);
	c->thread = rnd(seed) % 4 == 0;
	for (i = 0; i < MAX_WORDS; i++)
		c->words[i] = rnd(seed);
}

void program_make(struct program *p, uint64_t *seed)
{
	unsigned int i;

	p->num = 4 + rnd(seed) % (MAX_CALLS - 4);
	for (i = 0; i < p->num; i++)
		make_call(&p->calls[i], seed);
}

static void insert(struct program *p, const struct call *call, unsigned int at)
{
	if (p->num == MAX_CALLS)
		p->num--;
	memmove(&p->calls[at + 1], &p->calls[at], (p->num - at) * sizeof(*call));
	p->calls[at] = *call;
	p->num++;
}

static void change_once(struct program *p, const struct program *other, uint64_t *seed)
{
	unsigned int at = rnd(seed) % p->num;
	struct call call;

	switch (rnd(seed) % 8) {
	case 0:
		make_call(&call, seed);
		insert(p, &call, at < MAX_CALLS - 1 ? at : 0);
		break;
	case 1:
		insert(p, &other->calls[rnd(seed) % other->num], at < MAX_CALLS - 1 ? at : 0);
		break;
	case 2:
		if (p->num > 2)
			memmove(&p->calls[at], &p->calls[at + 1],
				(--p->num - at) * sizeof(call));
		break;
	case 3:
		p->calls[at].thread ^= 1;
		break;
	case 4:
		p->calls[at].words[rnd(seed) % MAX_WORDS] ^= 1u << rnd(seed) % 32;
		break;
	case 5:
		p->calls[at].words[rnd(seed) % MAX_WORDS] = other->calls[0].words[0];
		break;
	default:
		p->calls[at].words[rnd(seed) % MAX_WORDS] = rnd(seed);
	}
}

void program_change(struct program *p, const struct program *other, uint64_t *seed)
{
	unsigned int times = 1 + rnd(seed) % 6;

	while (times--)
		change_once(p, other, seed);
}

void program_print(const struct program *p)
{
	unsigned int i, k;

	for (i = 0; i < p->num; i++) {
		printf("#   %u %s", p->calls[i].thread, call_infos[p->calls[i].op].name);
		for (k = 0; k < MAX_WORDS; k++)
			printf(" %x", p->calls[i].words[k]);
		printf("\n");
	}
}
