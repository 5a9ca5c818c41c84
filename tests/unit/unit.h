/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of one file of lib/ each, which need neither root nor a kernel. */
#ifndef NOTRACK_TESTS_UNIT_H
#define NOTRACK_TESTS_UNIT_H

#include <check.h>

/* The main() of a test program: runs the suite that `tests` fills. */
int unit_main(const char *name, void (*tests)(TCase *));

#endif
