/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One errand of the legacy backend: what is there is read, grafts are planned by hand,
 * and committed.  Apart from the tests, since the library has names of its own for
 * families and places.
 */
#ifndef NOTRACK_TESTS_ERRAND_H
#define NOTRACK_TESTS_ERRAND_H

#include <notrack.h>
#include <stdio.h>

struct errand;

struct errand *errand_begin(void);
void errand_end(struct errand *errand);
const char *errand_error(const struct errand *errand);
int must_work(const struct errand *errand, int result);

/* Once all is planned: the calls of the backend. */
int errand_plan(struct errand *errand);
int errand_diff(struct errand *errand, FILE *out, struct notrack_changes *changes);
int errand_commit(struct errand *errand, unsigned int phases, struct notrack_changes *changes);
int errand_rollback(struct errand *errand);

/* In INPUT of filter: ahead of its first rule that asks for a state, to what accepts UDP port 53. */
void plan_one_twin(struct errand *errand, int family);
/* Ahead of its third rule, to what accepts UDP port 5353, by a chain of the same name. */
void plan_other_twin(struct errand *errand, int family);
/* The first rule's tail is in a chain of ours, the second rule's in the graft itself. */
void plan_tails(struct errand *errand, int family);
/* In PREROUTING of mangle and INPUT of security, to what drops UDP port 53. */
void plan_mangle(struct errand *errand, int family);
/* Ahead of the first rule of INPUT, and for one source only. */
void plan_twin_of_source(struct errand *errand, int family, const char *source);
/* Which rules of INPUT the view says are ours, as bits. */
unsigned int ours_in_input(const struct errand *errand, int family);

#endif
