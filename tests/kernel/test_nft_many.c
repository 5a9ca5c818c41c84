/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many clients, of which a change is about one: it reads and writes that one, and all
 * others stay as they are, with what they counted.
 */
#include "backend_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject_netlink.h"
#include "notrack.h"
#include "packets.h"
#include "run.h"

enum {
	MANY = 20000,
	SENDS_MAX = 60,		/* of a change of one client, however many there are */
	ANSWERS_MAX = 512 * 1024,	/* bytes of the kernel's answers: the clients are more */
	FULL = 6144,		/* clients that the first set has room for where there are 4096 */
	CHUNK = 900,
	RULES_OF_OTHERS = 3000,
};

static struct backend_host *given_many(unsigned int count)
{
	struct backend_host *host = host_new(NOTRACK_ANY);

	host_add(host, "dns");
	host_limit_many(host, "dns", 0, count, "10/hour");
	host_commit(host);
	return host;
}

/* What the kernel has is what the whole model wants. */
static void is_as_wanted(struct backend_host *whole)
{
	struct backend_host *found = host_new(NOTRACK_ANY);

	host_load(found);
	assert_same_text(host_words(found), host_words(whole));
	assert_same_text(host_diff(whole), "");
	host_free(found);
}

START_TEST(one_client_more_reads_and_writes_that_one)
{
	struct backend_host *whole = given_many(MANY), *change = host_new(NOTRACK_ANY);
	struct notrack_changes changes;

	host_load_services(change);
	host_limit(change, "dns", "192.0.2.10", "10/hour", 0);
	netlink_end();
	changes = host_commit(change);

	ck_assert_uint_lt(netlink_end(), SENDS_MAX);
	ck_assert_uint_eq(changes.added, 1);
	ck_assert_uint_eq(changes.removed, 0);
	host_limit(whole, "dns", "192.0.2.10", "10/hour", 0);
	is_as_wanted(whole);
	host_free(change);
	host_free(whole);
}
END_TEST

START_TEST(a_client_comes_changes_and_goes_among_many)
{
	struct backend_host *whole = given_many(MANY), *change;

	netns_add_peer();
	for (int i = 0; i < 4; i++) {
		static const char *const rates[] = { "1/hour", "2/hour", "1/day" };
		static const unsigned int bursts[] = { 5, 7, 1 };

		change = host_new(NOTRACK_ANY);
		host_load_services(change);
		if (i < 3) {
			host_limit(change, "dns", "192.0.2.10", rates[i], bursts[i]);
			host_limit(whole, "dns", "192.0.2.10", rates[i], bursts[i]);
		} else {
			host_unlimit(change, "dns", "192.0.2.10");
			host_unlimit(whole, "dns", "192.0.2.10");
		}
		host_commit(change);
		ck_assert_uint_eq(udp_ask(&families[0], "192.0.2.10", 10), i < 3 ? bursts[i] : 10);
		if (i < 3)
			ck_assert_uint_eq(host_count(change, "dns", 0, "192.0.2.10").seen.packets,
					  10 * (i + 1));
		is_as_wanted(whole);
		host_free(change);
	}
	host_free(whole);
}
END_TEST

START_TEST(a_change_that_changes_nothing_sends_nothing)
{
	struct backend_host *whole = given_many(MANY), *change = host_new(NOTRACK_ANY);
	struct notrack_changes changes;

	host_load_services(change);
	host_limit(change, "dns", "10.0.0.7", "10/hour", 0);
	host_unlimit(change, "dns", "192.0.2.99");
	changes = host_commit(change);

	ck_assert_uint_eq(changes.added + changes.removed, 0);
	is_as_wanted(whole);
	host_free(change);
	host_free(whole);
}
END_TEST

START_TEST(a_change_among_many_can_be_taken_back)
{
	struct backend_host *whole = given_many(MANY), *change = host_new(NOTRACK_ANY);

	netns_add_peer();
	host_limit(whole, "dns", "192.0.2.10", "1/hour", 5);
	host_limit(whole, "dns", "192.0.2.11", "1/hour", 5);
	host_commit(whole);
	udp_ask(&families[0], "192.0.2.10", 10);
	host_load_services(change);
	host_unlimit(change, "dns", "192.0.2.10");
	host_limit(change, "dns", "192.0.2.11", "2/hour", 6);
	host_limit(change, "dns", "192.0.2.12", "2/hour", 7);

	ck_assert_msg(!host_try_rollback(change), "%s", host_error(change));

	ck_assert_uint_eq(host_count(whole, "dns", 0, "192.0.2.10").seen.packets, 10);
	ck_assert_uint_eq(host_count(whole, "dns", 0, "192.0.2.10").dropped.packets, 5);
	is_as_wanted(whole);
	host_free(change);
	host_free(whole);
}
END_TEST

/* The kernel tells that a set is full, and no sooner. */
START_TEST(a_full_set_is_followed_by_another_one)
{
	struct backend_host *whole = given_many(4096);
	unsigned int first = 4096;

	while (first <= FULL + CHUNK) {
		struct backend_host *change = host_new(NOTRACK_ANY);

		host_load_services(change);
		host_limit_many(change, "dns", first, CHUNK, "10/hour");
		host_limit_many(whole, "dns", first, CHUNK, "10/hour");
		host_commit(change);
		host_free(change);
		first += CHUNK;
	}
	ck_assert_ptr_nonnull(strstr(must("nft list table inet libnotrack").out,
				     "@clients4-32.2-dns"));
	is_as_wanted(whole);
	host_free(whole);
}
END_TEST

START_TEST(a_service_that_has_no_clients_gets_some)
{
	struct backend_host *whole = host_new(NOTRACK_ANY), *change = host_new(NOTRACK_ANY);

	host_add(whole, "dns");
	host_commit(whole);
	host_load_services(change);
	host_limit(change, "dns", "192.0.2.0/24", "10/sec", 0);
	host_unlimit(change, "dns", "192.0.2.1");
	host_commit(change);
	host_limit(whole, "dns", "192.0.2.0/24", "10/sec", 0);
	is_as_wanted(whole);
	host_unlimit(change, "dns", "192.0.2.0/24");
	host_commit(change);
	host_unlimit(whole, "dns", "192.0.2.0/24");
	is_as_wanted(whole);
	host_free(change);
	host_free(whole);
}
END_TEST

/* --- and the library's own calls, from outside ----------------------------- */

static void done(struct notrack *nt, int result)
{
	ck_assert_msg(result >= 0, "%s", notrack_error(nt));
}

static struct notrack *given_a_loaded_model(void)
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	done(nt, notrack_set_backend(nt, "nft"));
	done(nt, notrack_load(nt));
	return nt;
}

static const struct hashlimit hourly = { .size = sizeof(hourly), .above = "10/hour" };

static void one_comes_and_goes(struct notrack *nt)
{
	done(nt, hashlimit_add_client(nt, "dns", "192.0.2.10", &hourly));
	done(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.10"), 1);
	done(nt, hashlimit_remove_client(nt, "dns", "192.0.2.10"));
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.10"), 0);
	ck_assert_int_eq(hashlimit_remove_client(nt, "dns", "192.0.2.10"), -ENOENT);
	done(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.10"), 0);
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "10.0.0.7"), 1);
}

START_TEST(a_loaded_model_reads_no_client_that_nobody_asks_for)
{
	struct backend_host *whole = given_many(MANY);
	unsigned long before = netlink_received();
	struct notrack *nt = given_a_loaded_model();

	one_comes_and_goes(nt);
	ck_assert_uint_lt(netlink_received() - before, ANSWERS_MAX);
	is_as_wanted(whole);
	notrack_free(nt);
	host_free(whole);
}
END_TEST

static int count_clients(const struct hashlimit *limit, const char *const *clients, size_t count,
			 void *data)
{
	(void)limit;
	(void)clients;
	*(size_t *)data += count;
	return 0;
}

static size_t clients_of(struct notrack *nt)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	size_t count = 0;

	done(nt, hashlimit_each(nt, &dns, count_clients, &count));
	return count;
}

/* What was changed before is changed in what is read then. */
START_TEST(a_loaded_model_is_whole_for_whoever_looks)
{
	struct backend_host *whole = given_many(MANY);
	struct notrack *nt = given_a_loaded_model();

	done(nt, hashlimit_add_client(nt, "dns", "192.0.2.10", &hourly));
	done(nt, hashlimit_add_client(nt, "dns", "192.0.2.11", &hourly));
	done(nt, hashlimit_remove_client(nt, "dns", "10.0.0.7"));
	ck_assert_uint_eq(clients_of(nt), MANY + 1);
	done(nt, notrack_commit(nt, NULL));
	host_limit(whole, "dns", "192.0.2.10", "10/hour", 0);
	host_limit(whole, "dns", "192.0.2.11", "10/hour", 0);
	host_unlimit(whole, "dns", "10.0.0.7");
	is_as_wanted(whole);
	notrack_free(nt);
	host_free(whole);
}
END_TEST

/* To another backend, and to another network namespace, all of them come along. */
START_TEST(a_loaded_model_moves_as_a_whole)
{
	struct backend_host *whole = given_many(CHUNK);
	struct notrack *nt = given_a_loaded_model();

	done(nt, hashlimit_remove_client(nt, "dns", "10.0.0.7"));
	done(nt, notrack_set_backend(nt, "legacy"));
	done(nt, notrack_commit(nt, NULL));
	ck_assert_ptr_null(strstr(must("nft list tables").out, "libnotrack"));
	ck_assert_uint_eq(clients_of(nt), CHUNK - 1);
	notrack_free(nt);
	host_free(whole);
}
END_TEST

START_TEST(what_serves_clients_keeps_serving)
{
	const struct notrack_service outbound = { .size = sizeof(outbound), .name = "dns",
						  .roles = "outbound" };
	struct backend_host *whole = given_many(2);
	struct notrack *nt = given_a_loaded_model();

	ck_assert_int_eq(notrack_add_service(nt, &outbound), -EINVAL);
	done(nt, hashlimit_remove_client(nt, "dns", "10.0.0.0"));
	done(nt, hashlimit_remove_client(nt, "dns", "10.0.0.1"));
	done(nt, notrack_commit(nt, NULL));
	done(nt, notrack_add_service(nt, &outbound));
	notrack_free(nt);
	host_free(whole);
}
END_TEST

/* Nor does a family that is left out for a while lose what it has. */
START_TEST(a_family_that_is_left_out_is_loaded_as_well)
{
	struct backend_host *whole = given_many(CHUNK);
	struct notrack *nt = given_a_loaded_model();

	done(nt, notrack_set_families(nt, NOTRACK_IPV6));
	done(nt, notrack_set_backend(nt, "legacy"));
	done(nt, notrack_load(nt));
	done(nt, notrack_set_families(nt, NOTRACK_ANY));
	done(nt, notrack_commit(nt, NULL));
	ck_assert_uint_eq(clients_of(nt), CHUNK);
	notrack_free(nt);
	host_free(whole);
}
END_TEST

/* What nobody has read cannot be made again. */
START_TEST(a_service_that_is_gone_with_its_clients_is_told)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	struct backend_host *whole = given_many(2);
	struct notrack *nt = given_a_loaded_model();
	size_t count = 0;

	must("nft delete table inet libnotrack");
	ck_assert_int_eq(notrack_commit(nt, NULL), -ESTALE);
	ck_assert_int_eq(hashlimit_each(nt, &dns, count_clients, &count), -ESTALE);
	ck_assert_ptr_nonnull(strstr(notrack_error(nt), "service dns"));
	ck_assert_ptr_null(strstr(must("nft list tables").out, "libnotrack"));
	notrack_free(nt);
	host_free(whole);
}
END_TEST

/* Somebody else's context, which adds a service to what is there. */
static void somebody_adds(const char *backend, const char *name, bool limited)
{
	const struct notrack_service service = { .size = sizeof(service), .name = name };
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	done(nt, notrack_set_backend(nt, backend));
	done(nt, notrack_load(nt));
	done(nt, notrack_add_service(nt, &service));
	if (limited)
		done(nt, hashlimit_add_client(nt, name, "10.0.0.1", &hourly));
	done(nt, notrack_commit(nt, NULL));
	notrack_free(nt);
}

/* A change of clients puts right what somebody else has done to services meanwhile. */
START_TEST(services_of_somebody_else_are_no_change_of_clients)
{
	static const char *const tools[] = { "legacy", "nft" };
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	must("iptables-%s -P INPUT DROP", tools[_i]);
	must("iptables-%s -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", tools[_i]);
	done(nt, notrack_set_backend(nt, tools[_i]));
	somebody_adds(tools[_i], "dns", true);
	done(nt, notrack_load(nt));
	somebody_adds(tools[_i], "ntp", false);

	done(nt, hashlimit_add_client(nt, "dns", "10.9.9.9", &hourly));
	done(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(notrack_load(nt), 1);
	ck_assert_int_eq(notrack_diff(nt, NULL, NULL), 0);
	ck_assert_uint_eq(clients_of(nt), 2);
	notrack_free(nt);
}
END_TEST

/* It was loaded when the service had none. */
START_TEST(the_first_client_may_be_of_another_context)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	struct notrack *nt, *other;

	host_add(host, "dns");
	host_commit(host);
	nt = given_a_loaded_model();
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.10"), 0);
	other = given_a_loaded_model();
	done(other, hashlimit_add_client(other, "dns", "192.0.2.10", &hourly));
	done(other, notrack_commit(other, NULL));

	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.10"), 1);
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.11"), 0);
	done(nt, hashlimit_remove_client(nt, "dns", "192.0.2.10"));
	done(nt, notrack_commit(nt, NULL));
	ck_assert_int_eq(hashlimit_has_client(other, "dns", "192.0.2.10"), 0);
	notrack_free(other);
	notrack_free(nt);
	host_free(host);
}
END_TEST

/* --- many rules of others ---------------------------------------------------------- */

static void add_rules_of_others(void)
{
	FILE *file = fopen("/run/rules", "w");

	ck_assert_ptr_nonnull(file);
	fputs("table inet others {\nchain input {\ntype filter hook input priority 0;\n", file);
	for (int i = 0; i < RULES_OF_OTHERS; i++)
		fprintf(file, "ip saddr 10.0.%d.%d counter drop\n", i / 256, i % 256);
	fputs("}\n}\n", file);
	ck_assert_int_eq(fclose(file), 0);
	must("nft -f /run/rules");
}

static unsigned long received_for(struct notrack *nt, int (*call)(struct notrack *nt))
{
	unsigned long before = netlink_received();

	done(nt, call(nt));
	return netlink_received() - before;
}

static int diff(struct notrack *nt)
{
	return notrack_diff(nt, NULL, NULL);
}

static int verify(struct notrack *nt)
{
	return notrack_verify(nt, NULL, NULL, NULL, NULL);
}

/* The plan, the chains that it edits, and the walk look at the same rules. */
START_TEST(rules_of_others_are_read_once_a_call)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	unsigned long none, some;
	struct notrack *nt;

	host_add(host, "dns");
	host_commit(host);
	nt = given_a_loaded_model();
	none = received_for(nt, verify);
	add_rules_of_others();

	/* a rule like these is of more than 200 bytes, and of less than 400 */
	some = received_for(nt, diff) - none;
	ck_assert_uint_gt(some, 200ul * RULES_OF_OTHERS);
	ck_assert_uint_lt(some, 400ul * RULES_OF_OTHERS);
	some = received_for(nt, verify) - none;
	ck_assert_uint_lt(some, 400ul * RULES_OF_OTHERS);
	notrack_free(nt);
	host_free(host);
}
END_TEST

static int add_client(struct notrack *nt)
{
	int err = hashlimit_add_client(nt, "dns", "192.0.2.10", &hourly);

	return err ? err : notrack_commit(nt, NULL);
}

static int add_service(struct notrack *nt)
{
	const struct notrack_service ntp = { .size = sizeof(ntp), .name = "ntp" };
	int err = notrack_add_service(nt, &ntp);

	return err ? err : notrack_commit(nt, NULL);
}

/* Nothing that the guard looks at has changed; where a service comes, it has. */
START_TEST(a_change_of_clients_reads_no_rules_of_others)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	struct notrack *nt;

	host_add(host, "dns");
	host_limit(host, "dns", "192.0.2.9", "10/hour", 0);
	host_commit(host);
	add_rules_of_others();
	nt = given_a_loaded_model();

	ck_assert_uint_lt(received_for(nt, add_client), 200ul * RULES_OF_OTHERS / 4);
	ck_assert_uint_gt(received_for(nt, add_service), 200ul * RULES_OF_OTHERS);
	notrack_free(nt);
	host_free(host);
}
END_TEST

static void add_set_of_others(void)
{
	FILE *file = fopen("/run/set", "w");

	ck_assert_ptr_nonnull(file);
	fputs("table inet others {\nset banned {\ntype ipv4_addr\nsize 65536\nelements = {\n", file);
	for (int i = 0; i < MANY; i++)
		fprintf(file, "%s10.0.%d.%d", i ? "," : "", i / 256, i % 256);
	fputs(" }\n}\nchain input {\ntype filter hook input priority 0;\n"
	      "ip saddr @banned drop\n}\n}\n", file);
	ck_assert_int_eq(fclose(file), 0);
	must("nft -f /run/set");
}

/* A set of others is asked for what matters, however many elements it has. */
START_TEST(a_set_of_others_is_never_dumped)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	struct notrack *nt;

	host_add(host, _i ? "dns: remote = 10.0.0.9; roles = outbound" :
			    "dns: remote = 192.0.2.9; roles = outbound");
	host_commit(host);
	nt = given_a_loaded_model();
	add_set_of_others();

	ck_assert_uint_lt(received_for(nt, diff), ANSWERS_MAX / 4);
	/* who is named is in it, or he is not */
	ck_assert_int_eq(notrack_verify(nt, NULL, NULL, NULL, NULL) > 0, _i);
	notrack_free(nt);
	host_free(host);
}
END_TEST

/* Of what was read for one call, the next one knows nothing. */
START_TEST(a_rule_that_came_between_two_calls_is_seen)
{
	struct backend_host *host = host_new(NOTRACK_ANY);
	struct notrack *nt;

	host_add(host, "dns");
	host_commit(host);
	nt = given_a_loaded_model();
	ck_assert_int_eq(verify(nt), 0);
	must("nft add table inet others");
	must("nft 'add chain inet others input { type filter hook input priority 0; }'");
	must("nft add rule inet others input udp dport 53 drop");

	ck_assert_int_gt(verify(nt), 0);
	notrack_free(nt);
	host_free(host);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, one_client_more_reads_and_writes_that_one);
	tcase_add_test(tcase, a_client_comes_changes_and_goes_among_many);
	tcase_add_test(tcase, a_change_that_changes_nothing_sends_nothing);
	tcase_add_test(tcase, a_change_among_many_can_be_taken_back);
	tcase_add_test(tcase, a_full_set_is_followed_by_another_one);
	tcase_add_test(tcase, a_service_that_has_no_clients_gets_some);
	tcase_add_test(tcase, a_loaded_model_reads_no_client_that_nobody_asks_for);
	tcase_add_test(tcase, a_loaded_model_is_whole_for_whoever_looks);
	tcase_add_test(tcase, a_loaded_model_moves_as_a_whole);
	tcase_add_test(tcase, what_serves_clients_keeps_serving);
	tcase_add_test(tcase, a_family_that_is_left_out_is_loaded_as_well);
	tcase_add_test(tcase, a_service_that_is_gone_with_its_clients_is_told);
	tcase_add_loop_test(tcase, services_of_somebody_else_are_no_change_of_clients, 0, 2);
	tcase_add_test(tcase, the_first_client_may_be_of_another_context);
	tcase_add_test(tcase, rules_of_others_are_read_once_a_call);
	tcase_add_loop_test(tcase, a_set_of_others_is_never_dumped, 0, 2);
	tcase_add_test(tcase, a_change_of_clients_reads_no_rules_of_others);
	tcase_add_test(tcase, a_rule_that_came_between_two_calls_is_seen);
}

int main(void)
{
	return netns_main("nft-many", tests);
}
