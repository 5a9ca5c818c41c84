/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that is cancelled while it is in a call: the call ends first, so that neither memory nor
 * a lock is left behind, and nobody works for a thread that is no more.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "model.h"
#include "run.h"
#include "tables.h"

static const char *const backends[] = { "legacy", "nft" };
enum { BACKENDS = sizeof(backends) / sizeof(backends[0]), PLACES = 2 };

static char *namespace_of_peer(void)
{
	char *path;

	netns_move_to(PEER);
	path = format_text("/proc/%d/task/%d/ns/net", getpid(), gettid());
	netns_move_to(HOST);
	return path;
}

static struct notrack *context(int which)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_set_backend(nt, backends[which % BACKENDS]));
	if (which / BACKENDS)
		must_do(nt, notrack_set_netns(nt, "/run/netns/peer"));
	must_do(nt, add_dns_with_two_clients(nt));
	return nt;
}

/* What the thread does, and what came of it. */
struct errand {
	struct notrack *nt;
	int (*call)(struct notrack *nt);
	int result;
};

/* Cancelled before it begins: it ends at the first place where it may. */
static void *call_cancelled(void *data)
{
	struct errand *errand = data;

	pthread_cancel(pthread_self());
	errand->result = errand->call(errand->nt);
	pthread_testcancel();
	return NULL;
}

static int lock(struct notrack *nt)
{
	int err = notrack_lock(nt);

	notrack_unlock(nt);
	return err;
}

static int enter_by_path(struct notrack *nt)
{
	return notrack_set_netns(nt, "/run/netns/peer");
}

static int of_process;

static int enter_by_descriptor(struct notrack *nt)
{
	return notrack_set_netns_fd(nt, of_process);
}

/* They do nothing themselves that a thread may be cancelled at. */
static int (*const others[])(struct notrack *nt) = {
	call_commit, call_clear, lock, enter_by_path, enter_by_descriptor,
};
enum { OTHERS = sizeof(others) / sizeof(others[0]), CALLS = CALLS_THAT_READ + OTHERS };

/* The context is as good as before, and another one has nothing to wait for. */
static void assert_is_well(struct notrack *nt, int which)
{
	struct notrack *other = context(which);

	notrack_set_wait(other, 0);
	must_do(other, notrack_commit(other, NULL));
	must_do(nt, notrack_load(nt));
	notrack_free(other);
}

static void end_within(struct errand *errand)
{
	pthread_t thread;
	void *ended = NULL;

	errand->result = -ECANCELED;
	ck_assert_int_eq(pthread_create(&thread, NULL, call_cancelled, errand), 0);
	ck_assert_int_eq(pthread_join(thread, &ended), 0);
	ck_assert_ptr_eq(ended, PTHREAD_CANCELED);	/* as soon as the call was over */
	ck_assert_msg(errand->result >= 0, "%d %s", errand->result, notrack_error(errand->nt));
}

START_TEST(a_call_ends_before_its_thread_does)
{
	int which = _i / CALLS, call = _i % CALLS;
	struct errand errand = { .call = call < CALLS_THAT_READ ? calls_that_read[call] :
				 others[call - CALLS_THAT_READ] };

	must("mkdir -p /run/netns");
	netns_add_peer();
	must("ln -s %s /run/netns/peer", namespace_of_peer());
	of_process = (int)syscall(SYS_pidfd_open, getpid(), 0);
	errand.nt = context(which);
	must_do(errand.nt, notrack_commit(errand.nt, NULL));
	end_within(&errand);
	assert_is_well(errand.nt, which);
	notrack_free(errand.nt);
	close(of_process);
}
END_TEST

/* A thread that is not cancelled may be so afterwards, and one that may not stays so. */
START_TEST(whether_a_thread_may_be_cancelled_stays_as_it_was)
{
	struct notrack *nt = context(0);
	int state = -1;

	must_do(nt, notrack_commit(nt, NULL));
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
	must_do(nt, notrack_load(nt));
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	ck_assert_int_eq(state, PTHREAD_CANCEL_DISABLE);
	notrack_free(nt);
}
END_TEST

static int visits;

static int visit_service(const struct notrack_service *service, void *data)
{
	(void)service;
	(void)data;
	pthread_testcancel();		/* as wherever it writes something */
	visits++;
	return 0;
}

static int visit_finding(const struct notrack_finding *finding, void *data)
{
	(void)finding;
	return visit_service(NULL, data);
}

static int visit_services(struct notrack *nt)
{
	return notrack_each_service(nt, visit_service, NULL);
}

static int visit_findings(struct notrack *nt)
{
	return notrack_each_finding(nt, visit_finding, NULL);
}

/* They do not go to the kernel; whoever visits may do something that takes as long. */
START_TEST(a_visit_ends_before_its_thread_does)
{
	struct errand errand = { .nt = context(0), .call = _i ? visit_findings : visit_services };

	/* rules of ours stand ahead of the last one, whose number that changes: a finding */
	must("iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	must("iptables-legacy -A INPUT -p udp --dport 53 -j ACCEPT");
	must("iptables-legacy -P INPUT DROP");
	must_do(errand.nt, notrack_commit(errand.nt, NULL));
	end_within(&errand);
	ck_assert_int_gt(visits, 0);
	notrack_free(errand.nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_call_ends_before_its_thread_does, 0, BACKENDS * PLACES * CALLS);
	tcase_add_loop_test(tcase, a_visit_ends_before_its_thread_does, 0, 2);
	tcase_add_test(tcase, whether_a_thread_may_be_cancelled_stays_as_it_was);
}

int main(void)
{
	return netns_main("cancel", tests);
}
