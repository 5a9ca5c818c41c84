/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dumps that something changed in the middle of are asked for again, and a part is not the whole. */
#include "support/interfaces.h"
#include "conntrack/own_addresses.h"
#include "support/forwarding.h"
#include "support/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit.h"

enum { ALWAYS = 1000, FEW = 3 };

static unsigned int interruptions;	/* that are to come, one a dump */

static bool is_dump(const struct nlmsghdr *message, ssize_t size)
{
	return size >= (ssize_t)sizeof(*message) && message->nlmsg_flags & NLM_F_MULTI &&
	       message->nlmsg_type != NLMSG_DONE;
}

/* In place of libc's, for the library is linked into this program: the kernel says so by a flag. */
ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
	ssize_t size = syscall(SYS_recvmsg, fd, header, flags);
	struct nlmsghdr *message = header->msg_iov->iov_base;

	if (is_dump(message, size) && interruptions) {
		message->nlmsg_flags |= NLM_F_DUMP_INTR;
		interruptions--;
	}
	return size;
}

static int count_lo(const struct interface *interface, void *data)
{
	unsigned int *seen = data;

	*seen += !interface->af && !strcmp(interface->name, "lo");
	return 0;
}

START_TEST(interfaces_are_those_of_one_moment)
{
	unsigned int seen = 0;

	interruptions = FEW;
	ck_assert_int_eq(interfaces_each(count_lo, &seen), 0);
	ck_assert_uint_eq(interruptions, 0);
	ck_assert_uint_eq(seen, 1);		/* however often it was asked for */

	interruptions = ALWAYS;
	ck_assert_int_eq(interfaces_each(count_lo, &seen), -EBUSY);
	ck_assert_uint_eq(seen, 1);
}
END_TEST

START_TEST(own_addresses_are_those_of_one_moment)
{
	struct own_addresses quiet = { 0 }, local = { 0 };
	struct error error = { "" };

	ck_assert_int_eq(own_addresses_read(&quiet, &error), 0);
	interruptions = FEW;
	ck_assert_int_eq(own_addresses_read(&local, &error), 0);
	ck_assert_uint_eq(interruptions, 0);
	ck_assert_uint_eq(local.host_count, quiet.host_count);
	ck_assert_uint_eq(local.network_count, quiet.network_count);
	ck_assert_uint_eq(local.group_count, quiet.group_count);
	own_addresses_free(&quiet);
	own_addresses_free(&local);

	interruptions = ALWAYS;
	ck_assert_int_eq(own_addresses_read(&local, &error), -EBUSY);
	ck_assert_ptr_nonnull(strstr(error.text, "try again"));
	own_addresses_free(&local);
}
END_TEST

/* A kernel without bridges has nothing to list, and so nothing that is interrupted. */
START_TEST(bridges_that_keep_changing_may_hand_on)
{
	char quiet[FORWARDING_TEXT], names[FORWARDING_TEXT];

	ck_assert_int_eq(forwarding_find(quiet, sizeof(quiet)), 0);
	interruptions = FEW;
	ck_assert_int_eq(forwarding_find(names, sizeof(names)), 0);
	ck_assert_str_eq(names, quiet);

	interruptions = ALWAYS;
	ck_assert_int_eq(forwarding_find(names, sizeof(names)), 0);
	if (interruptions < ALWAYS)
		ck_assert_ptr_nonnull(strstr(names, "bridges cannot be listed"));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, interfaces_are_those_of_one_moment);
	tcase_add_test(tcase, own_addresses_are_those_of_one_moment);
	tcase_add_test(tcase, bridges_that_keep_changing_may_hand_on);
}

int main(void)
{
	return unit_main("whole", tests);
}
