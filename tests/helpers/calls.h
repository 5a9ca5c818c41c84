/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that go to the kernel, alike: 0 or a count, or -errno. */
#ifndef NOTRACK_TESTS_CALLS_H
#define NOTRACK_TESTS_CALLS_H

#include <notrack.h>

int call_load(struct notrack *nt);
int call_diff(struct notrack *nt);
int call_stats(struct notrack *nt);
int call_verify(struct notrack *nt);
int call_doctor(struct notrack *nt);
int call_commit(struct notrack *nt);
int call_forced_commit(struct notrack *nt);
int call_clear(struct notrack *nt);
int call_backend(struct notrack *nt);
int call_explain(struct notrack *nt);
int call_usage(struct notrack *nt);
int call_flush(struct notrack *nt);
int call_print_host_rules(struct notrack *nt);
int call_buckets(struct notrack *nt);	/* of dns */
int call_advise(struct notrack *nt);
int call_watch(struct notrack *nt);	/* and ends it */
int call_table_bytes(struct notrack *nt);
/* Loads, and asks for a client of dns. */
int call_load_and_ask(struct notrack *nt);

/* All of them that change nothing of what is committed. */
extern int (*const calls_that_read[])(struct notrack *nt);
enum { CALLS_THAT_READ = 15 };

#endif
