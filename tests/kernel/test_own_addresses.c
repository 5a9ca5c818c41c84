/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the routing tables say of this host's own addresses, and what is asked of them for that. */
#include "netns.h"

#include "addresses.h"
#include "run.h"

/* Of every kind, and in another table, as each VRF has one of its own. */
static void given_addresses(void)
{
	static const char *const commands[] = {
		"link add d0 type veth peer name d1", "link set d0 up", "link set d1 up", "addr add 192.0.2.1/24 dev d0",
		"addr add 2001:db8::1/64 dev d0 nodad", "addr add 198.51.100.1/24 brd + dev d1",
		"route add local 203.0.113.0/24 dev lo table 7", "route add local 2001:db8:7::/48 dev lo",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		must("ip %s", commands[i]);
	must("sysctl -qw net.ipv6.conf.d1.forwarding=1");	/* anycast */
	must("ip addr add 2001:db8:1::1/64 dev d1 nodad");
}

static const struct {
	const char *address;
	bool own, heard;
} addresses[] = {
	{ "127.0.0.53", true, false }, { "::1", true, false }, { "192.0.2.1", true, false },
	{ "2001:db8::1", true, false }, { "198.51.100.1", true, false }, { "203.0.113.7", true, false },
	{ "2001:db8:7::9", true, false }, { "2001:db8:1::", true, false }, { "192.0.2.255", false, true },
	{ "198.51.100.255", false, true }, { "224.0.0.251", false, true }, { "ff02::fb", false, true },
	{ "192.0.2.2", false, false }, { "2001:db8::2", false, false }, { "198.51.100.2", false, false },
};

START_TEST(every_kind_of_address_is_known)
{
	unsigned int waits = 0;

	given_addresses();
	do
		addresses_read(_i);
	while (!addresses_has("2001:db8:1::") && wait_a_little(&waits));
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		ck_assert_msg(addresses_has(addresses[i].address) == addresses[i].own, "%s",
			      addresses[i].address);
		ck_assert_msg(addresses_hears(addresses[i].address) == addresses[i].heard, "%s",
			      addresses[i].address);
	}
}
END_TEST

/* A router may have a million of them. */
START_TEST(routes_to_others_are_not_sent)
{
	unsigned int waits = 0;
	size_t before;

	given_addresses();
	do
		before = addresses_read(false);
	while (!addresses_has("2001:db8:1::") && wait_a_little(&waits));
	must("sh -c 'for i in $(seq 250); do for j in 1 2 3 4; do echo route add 10.0.$i.$j/32 dev d1; "
	     "echo route add fd00:$i::$j/128 dev d1; done; done | ip -batch -'");
	ck_assert_uint_eq(addresses_read(false), before);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, every_kind_of_address_is_known, 0, 2);
	tcase_add_test(tcase, routes_to_others_are_not_sent);
}

int main(void)
{
	return netns_main("own addresses", tests);
}
