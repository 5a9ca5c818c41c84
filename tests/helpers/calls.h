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

#endif
