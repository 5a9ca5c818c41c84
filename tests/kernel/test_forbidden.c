/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon that may not open sockets of some address family, as RestrictAddressFamilies= of systemd
 * has it: what it may not ask of the kernel is not what the kernel does not have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"
#include "forbid.h"
#include "model.h"
#include "run.h"
#include "tables.h"

/* --- calls -------------------------------------------------------------- */

/* The next call has something to say of a service all the same. */
static int clear(struct notrack *nt)
{
	int result = notrack_clear(nt, NULL);

	return result < 0 ? result : add_service(nt, "dns", NULL);
}
static int (*const calls[])(struct notrack *nt) = {
	call_load, call_diff, call_commit, clear, call_verify, call_explain, call_backend, call_flush,
	call_watch,
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]), OF_TABLES = 6 };

/* What a process that may not say all it knows has to tell. */
struct told {
	int result[CALLS];
	char sentence[CALLS][1024];
	char backend[16];
};

static void call_all(struct told *told, const char *backend, unsigned int family)
{
	struct notrack *nt = new_context();
	const char *name = "";

	forbid_sockets(family, EAFNOSUPPORT);
	must_do(nt, notrack_set_backend(nt, backend));
	must_do(nt, add_service(nt, "dns", NULL));
	for (int i = 0; i < CALLS; i++) {
		told->result[i] = calls[i](nt);
		strcpy(told->sentence[i], notrack_error(nt));
		if (!i)		/* what was loaded is none of it */
			must_do(nt, add_service(nt, "dns", NULL));
	}
	if (!notrack_backend(nt, &name, NULL))
		strcpy(told->backend, name);
	notrack_free(nt);
}

/* Where sockets of @family may not be opened. */
static struct told *call_without(unsigned int family, const char *backend)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	ck_assert_ptr_ne(told, MAP_FAILED);
	child = fork_child();
	if (!child) {
		call_all(told, backend, family);
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(wait_for(child), 0);
	return told;
}

static void assert_forbidden(const struct told *told, int count, const char *family)
{
	for (int i = 0; i < count; i++) {
		ck_assert_msg(told->result[i] == -EPERM, "call %d: %d %s", i, told->result[i],
			      told->sentence[i]);
		ck_assert_msg(strstr(told->sentence[i], family) != NULL, "call %d: %s", i,
			      told->sentence[i]);
	}
}

/* --- hosts -------------------------------------------------------------- */

static const char *const backends[] = { "auto", "legacy", "nft" };
enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

static void given_a_host_with_nftables(void)
{
	static const char rules[] = "table inet filter { chain input {\n"
		"type filter hook input priority 0; policy drop; iif lo accept\n"
		"ct state established,related accept\n"
		"meta l4proto { tcp, udp } th dport 53 ct state new accept; }; }\n";

	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
}

/* That the host filters with nftables cannot be seen then, and is so all the same. */
START_TEST(a_host_that_may_not_be_asked_for_nftables_is_left_alone)
{
	char *before;

	given_a_host_with_nftables();
	before = tables_save_all();
	/* the seventh asks which backend it is, which is known where it was asked for */
	assert_forbidden(call_without(AF_NETLINK, backends[_i]), _i ? OF_TABLES : OF_TABLES + 1,
			 "AF_NETLINK");
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(without_netlink_neither_conntrack_nor_a_watch_lacks_a_module)
{
	const struct told *told = call_without(AF_NETLINK, "legacy");

	for (int i = CALLS - 2; i < CALLS; i++) {
		ck_assert_int_eq(told->result[i], -EPERM);
		ck_assert_msg(strstr(told->sentence[i], "AF_NETLINK") != NULL, "%s", told->sentence[i]);
	}
}
END_TEST

/* A kernel without IPv6 has no such tables either; this one has. */
START_TEST(a_host_that_may_not_be_asked_for_legacy_tables_is_left_alone)
{
	static const struct {
		unsigned int family;
		const char *name;
	} forbidden[FAMILY_COUNT] = { { AF_INET, "AF_INET:" }, { AF_INET6, "AF_INET6:" } };
	char *before;

	for (int i = 0; i < FAMILY_COUNT; i++)
		firewall_install(&families[i]);
	before = tables_save_all();
	assert_forbidden(call_without(forbidden[_i % 2].family, backends[_i / 2]), OF_TABLES,
			 forbidden[_i % 2].name);
	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(where_legacy_tables_may_not_be_had_nftables_do)
{
	const struct told *told = call_without(AF_INET, "auto");

	for (int i = 0; i < CALLS; i++) {
		ck_assert_msg(told->result[i] >= 0, "call %d: %d %s", i, told->result[i],
			      told->sentence[i]);
		ck_assert_msg(!*told->sentence[i], "call %d: %s", i, told->sentence[i]);
	}
	ck_assert_str_eq(told->backend, "nft");
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_host_that_may_not_be_asked_for_nftables_is_left_alone, 0, BACKENDS);
	tcase_add_test(tcase, without_netlink_neither_conntrack_nor_a_watch_lacks_a_module);
	tcase_add_loop_test(tcase, a_host_that_may_not_be_asked_for_legacy_tables_is_left_alone, 0,
			    2 * BACKENDS);
	tcase_add_test(tcase, where_legacy_tables_may_not_be_had_nftables_do);
}

int main(void)
{
	return netns_main("forbidden", tests);
}
