/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/packets.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 1
#define POLLS_MAX 500
/* Where the kernel does not tell how long its queues are. */
#define BLIND_WAIT_MS 20
#define CPUS_MAX 1024
/* What most name servers need for an answer from their cache, across a network. */
#define ANSWER_MS 50

/* Where a packet waits that came over lo, a queue for each processor. */
struct queues {
	bool was_empty[CPUS_MAX];	/* once at least, since the wait began */
	bool is_told;			/* Linux 5.10 and later tell how long they are */
};

/* A processor that has a packet in its hands lets go of it within a grace period. */
static void wait_for_processors(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);	/* where there is one */
}

static void sleep_ms(unsigned int milliseconds)
{
	struct timespec left = { .tv_nsec = milliseconds * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* Whether each of them was empty once: what was in it when the wait began is out. */
static bool look(struct queues *queues)
{
	FILE *file = fopen("/proc/thread-self/net/softnet_stat", "re");
	unsigned int length, cpu;
	bool all = true;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		/* the twelfth field and the thirteenth: softnet_seq_show() in net/core/net-procfs.c */
		if (sscanf(line, "%*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %x %x",
			   &length, &cpu) != 2 || cpu >= CPUS_MAX)
			continue;
		queues->is_told = true;
		queues->was_empty[cpu] |= !length;
		all &= queues->was_empty[cpu];
	}
	if (file)
		fclose(file);
	return queues->is_told && all;
}

void packets_wait(void)
{
	struct queues queues = { .is_told = false };

	wait_for_processors();
	for (int polls = 0; !look(&queues) && polls < POLLS_MAX; polls++) {
		sleep_ms(queues.is_told ? POLL_MS : BLIND_WAIT_MS);
		if (!queues.is_told)
			break;
	}
	wait_for_processors();
}

void packets_wait_for_answers(void)
{
	packets_wait();
	sleep_ms(ANSWER_MS);
	wait_for_processors();
}
