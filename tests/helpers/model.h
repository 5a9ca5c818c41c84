/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Models and tables that several tests here begin with. */
#ifndef NOTRACK_TESTS_LIBRARY_MODEL_H
#define NOTRACK_TESTS_LIBRARY_MODEL_H

#include <notrack.h>

#include "netns.h"

/* It works with the backend that the suite runs over. */
struct notrack *new_context(void);

/* Stops the test, with the sentence, unless @result is 0 or a count. */
#define must_do(nt, result) must_have_done(nt, result, #result)
int must_have_done(const struct notrack *nt, int result, const char *call);

int add_service(struct notrack *nt, const char *name, const char *mode);
int add_client(struct notrack *nt, const char *service, const char *prefix, const char *above);

/* dns, and a limited client of it in each family. */
int add_dns_with_two_clients(struct notrack *nt);

/* Rules of others in raw and filter, before and after ours in every order. */
void given_rules_of_others(void);

/* Every rule and policy of raw and filter counts a number of its own; not over nftables. */
void given_counters(void);

/* Both families' tables, or all that nftables have; and, of legacy tables, back to them. */
struct saved {
	char *table[FAMILY_COUNT];
	struct seen *seen;	/* fingerprints of tables that were compared with it, and the same */
};

struct saved tables_save_both(void);
void tables_restore(const struct saved *saved);
bool tables_are(const struct saved *expected);
void assert_same_tables(const struct saved *expected, const char *when);

/* As above, but for counters. */
char *without_counters(const char *saved);
void assert_same_rules(const struct saved *expected, const char *when);

/* notrack_print_rules() */
char *print_rules(struct notrack *nt);

#endif
