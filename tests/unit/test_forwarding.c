/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether packets of others pass through, where the kernel's switches cannot be asked. */
#include "support/forwarding.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit.h"

static struct rlimit before;

static void let_open_no_more(void)
{
	int next = dup(STDIN_FILENO);

	ck_assert_int_ge(next, 0);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, before.rlim_max }), 0);
}

/* For whoever looks for leaks at the end. */
static void let_open_again(void)
{
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* A router that counts as a host would lose what it passes on. */
START_TEST(what_cannot_be_read_is_not_off)
{
	int err;

	let_open_no_more();
	err = forwarding_is_on();
	let_open_again();
	ck_assert_int_eq(err, -ENOMEM);
}
END_TEST

START_TEST(what_cannot_be_listed_is_not_nothing)
{
	char names[FORWARDING_TEXT];
	int err;

	let_open_no_more();
	err = forwarding_find(names, sizeof(names));
	let_open_again();
	ck_assert_int_eq(err, -ENOMEM);
	ck_assert_str_ne(names, "");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, what_cannot_be_read_is_not_off);
	tcase_add_test(tcase, what_cannot_be_listed_is_not_nothing);
}

int main(void)
{
	return unit_main("forwarding", tests);
}
