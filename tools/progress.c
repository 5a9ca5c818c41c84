/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

static struct {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	const char *what;
	bool running, end;
} progress = { .mutex = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

static void *show(void *unused)
{
	struct timespec until;
	unsigned int seconds = 0;

	(void)unused;
	clock_gettime(CLOCK_REALTIME, &until);
	pthread_mutex_lock(&progress.mutex);
	while (!progress.end) {
		until.tv_sec++;
		while (!progress.end &&
		       !pthread_cond_timedwait(&progress.ended, &progress.mutex, &until))
			;
		if (!progress.end)
			fprintf(stderr, "\r%s: %u s", progress.what, ++seconds);
	}
	pthread_mutex_unlock(&progress.mutex);
	if (seconds)
		fputs("\r\033[K", stderr);
	return NULL;
}

void progress_begin(const char *what)
{
	progress.what = what;
	progress.running = isatty(STDERR_FILENO) &&
			   !pthread_create(&progress.thread, NULL, show, NULL);
}

void progress_end(void)
{
	if (!progress.running)
		return;
	pthread_mutex_lock(&progress.mutex);
	progress.end = true;
	pthread_cond_signal(&progress.ended);
	pthread_mutex_unlock(&progress.mutex);
	pthread_join(progress.thread, NULL);
	progress.running = false;
}
