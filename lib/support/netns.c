/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "support/netns.h"

struct errand {
	int fd;
	int (*work)(void *data);
	void *data;
	bool entered;
	int result;
};

static void *run(void *data)
{
	struct errand *errand = data;

	errand->entered = !setns(errand->fd, CLONE_NEWNET);
	errand->result = errand->entered ? errand->work(errand->data) : -errno;
	return NULL;
}

int netns_thread(void *(*work)(void *data), void *data)
{
	sigset_t all, before;
	pthread_t thread;
	int err;

	/* the host's handlers must not run in a thread it does not know */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, NULL, work, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_join(thread, NULL);
	return err ? -ENOMEM : 0;	/* EAGAIN: no room for one more */
}

int netns_run(int fd, int (*work)(void *data), void *data, struct error *error)
{
	struct errand errand = { .fd = fd, .work = work, .data = data };
	int err = netns_thread(run, &errand);

	if (err)
		return error_set(error, err, "no thread for the network namespace: too many threads");
	if (errand.entered)
		return errand.result;
	errno = -errand.result;
	return error_set(error, errand.result, "the network namespace cannot be entered: %m%s",
		    errno == EPERM ? "; that needs CAP_SYS_ADMIN" : "");
}
