/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of one file of lib/ each, which need neither root nor a kernel. */
#ifndef NOTRACK_TESTS_UNIT_H
#define NOTRACK_TESTS_UNIT_H

#include <check.h>

/*
 * For loops of many rounds: ck_assert() writes to a file each time that it
 * holds.
 */
#define expect(condition, ...) do {		\
	if (!(condition))			\
		ck_abort_msg(__VA_ARGS__);	\
} while (0)

/* The main() of a test program: runs the suite that `tests` fills. */
int unit_main(const char *name, void (*tests)(TCase *));

#endif
