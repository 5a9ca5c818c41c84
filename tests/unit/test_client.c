/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limited clients of a service, against an array that is searched from end to end. */
#include "model/client.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum { ROUNDS = 4000, CLIENTS = 600, RATES = 6, BATCH = 12 };

struct naive {
	struct {
		struct prefix prefix;
		struct limit_rate rate;
	} client[CLIENTS * BATCH];
	size_t count;
};

static struct prefix random_prefix(void)
{
	char word[RANDOM_PREFIX];
	struct prefix prefix;
	struct error error;

	random_client(word, NOTRACK_IPV4);
	expect(!prefix_parse(&prefix, word, &error), "%s: %s", word, error.text);
	return prefix;
}

static size_t naive_find(const struct naive *naive, const struct prefix *prefix)
{
	size_t i = 0;

	while (i < naive->count && memcmp(&naive->client[i].prefix, prefix, sizeof(*prefix)))
		i++;
	return i;
}

static void naive_add(struct naive *naive, const struct prefix *prefix,
		      const struct limit_rate *rate)
{
	size_t i = naive_find(naive, prefix);

	naive->client[i].prefix = *prefix;
	naive->client[i].rate = *rate;
	naive->count += i == naive->count;
}

static void naive_remove(struct naive *naive, const struct prefix *prefix)
{
	size_t i = naive_find(naive, prefix);

	if (i < naive->count)
		naive->client[i] = naive->client[--naive->count];
}

static void has_the_same(const struct clients *clients, const struct naive *naive)
{
	const struct client **list = clients_list(clients);

	expect(clients->count == naive->count, "%zu clients, not %zu", clients->count, naive->count);
	for (size_t i = 0; i < clients->count; i++) {
		size_t found = naive_find(naive, &list[i]->prefix);

		expect(found < naive->count, "client %zu is one too many", i);
		expect(limit_rate_same(&list[i]->limit->rate, &naive->client[found].rate),
		       "client %zu has another limit", i);
		expect(!i || prefix_compare(&list[i - 1]->prefix, &list[i]->prefix) < 0,
		       "client %zu is out of order", i);
	}
	free(list);
}

/* Each limit once, with as many clients as it says, and none without. */
static void limits_are_those_in_use(const struct clients *clients)
{
	size_t sum = 0;

	for (const struct limit *limit = clients->limits; limit; limit = limit->next) {
		expect(limit->clients > 0, "a limit that nobody has");
		sum += limit->clients;
		for (const struct limit *other = limit->next; other; other = other->next)
			expect(!limit_rate_same(&limit->rate, &other->rate), "a limit twice");
	}
	expect(sum == clients->count, "limits of %zu clients, not %zu", sum, clients->count);
}

static void change(struct clients *clients, struct naive *naive)
{
	const struct limit_rate rate = { .period = random_from(1, RATES), .burst = 1 };
	size_t count = random_chance(80) ? 1 : random_below(BATCH);
	struct prefix prefixes[BATCH];

	for (size_t i = 0; i < count; i++)
		prefixes[i] = random_prefix();
	if (naive->count > CLIENTS || random_chance(45)) {
		struct prefix prefix = naive->count && random_chance(70) ?
				       naive->client[random_below((unsigned int)naive->count)].prefix :
				       random_prefix();

		clients_remove(clients, &prefix);
		naive_remove(naive, &prefix);
		return;
	}
	expect(!clients_add(clients, prefixes, count, &rate), "out of memory");
	for (size_t i = 0; i < count; i++)
		naive_add(naive, &prefixes[i], &rate);
}

START_TEST(clients_come_and_go_as_in_a_plain_list)
{
	static struct naive naive;
	struct clients clients = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct prefix stranger = random_prefix();

		change(&clients, &naive);
		limits_are_those_in_use(&clients);
		expect(clients_has(&clients, &stranger) ==
		       (naive_find(&naive, &stranger) < naive.count), "round %d", i);
		if (i % 50 == 0)
			has_the_same(&clients, &naive);
	}
	has_the_same(&clients, &naive);
	while (naive.count) {
		struct prefix prefix = naive.client[0].prefix;

		clients_remove(&clients, &prefix);
		naive_remove(&naive, &prefix);
	}
	ck_assert_uint_eq(clients.count, 0);
	ck_assert_ptr_null(clients.limits);
	clients_free(&clients);
}
END_TEST

/* More than a list has room for many times over, in small blocks and in large ones. */
enum { IN_ORDER = 40000 };

static struct prefix numbered(unsigned int number)
{
	struct prefix prefix = { .family = IPV4, .length = 32 };

	for (unsigned int i = 0; i < 4; i++)
		prefix.address[i] = (uint8_t)(number >> (24 - 8 * i));
	return prefix;
}

START_TEST(clients_that_come_in_order_are_all_there)
{
	const struct limit_rate rate = { .period = 1, .burst = 5, .srcmask = 32 };
	struct clients clients = { 0 };
	const struct client **list;

	for (unsigned int i = 0; i < IN_ORDER; i++) {
		struct prefix prefix = numbered(i);

		expect(!clients_add(&clients, &prefix, 1, &rate), "out of memory");
		if (_i && i % 3 == 0)	/* who goes at once leaves a gap */
			clients_remove(&clients, &prefix);
	}
	list = clients_list(&clients);
	for (unsigned int i = 0, next = 0; i < IN_ORDER; i++) {
		struct prefix prefix = numbered(i);

		if (_i && i % 3 == 0)
			continue;
		expect(next < clients.count && !prefix_compare(&list[next]->prefix, &prefix),
		       "client %u is not at its place", i);
		next++;
	}
	ck_assert_uint_eq(clients.count, _i ? IN_ORDER - (IN_ORDER + 2) / 3 : IN_ORDER);
	limits_are_those_in_use(&clients);
	free(list);
	clients_free(&clients);
}
END_TEST

START_TEST(a_client_named_twice_is_one)
{
	const struct limit_rate rate = { .period = 1, .burst = 1 };
	struct prefix prefixes[3] = { random_prefix() };
	struct clients clients = { 0 };

	prefixes[1] = prefixes[2] = prefixes[0];
	ck_assert_int_eq(clients_add(&clients, prefixes, 3, &rate), 0);

	ck_assert_uint_eq(clients.count, 1);
	ck_assert_uint_eq(clients.limits->clients, 1);
	clients_free(&clients);
}
END_TEST

START_TEST(a_new_rate_replaces_the_old)
{
	const struct limit_rate old = { .period = 1, .burst = 1 }, new = { .period = 2, .burst = 1 };
	struct prefix prefix = random_prefix();
	struct clients clients = { 0 };
	const struct client **list;

	ck_assert_int_eq(clients_add(&clients, &prefix, 1, &old), 0);
	ck_assert_int_eq(clients_add(&clients, &prefix, 1, &new), 0);

	list = clients_list(&clients);
	ck_assert_uint_eq(clients.count, 1);
	ck_assert(limit_rate_same(&list[0]->limit->rate, &new));
	ck_assert_ptr_null(clients.limits->next);
	free(list);
	clients_free(&clients);
}
END_TEST

/* --- all or none, through the public calls ---------------------------- */

static int collect(const struct hashlimit *limit, const char *const *clients, size_t count,
		   void *data)
{
	char *text = data;

	sprintf(text + strlen(text), "%s:", limit->above);
	for (size_t i = 0; i < count; i++)
		sprintf(text + strlen(text), " %s", clients[i]);
	strcat(text, "\n");
	return 0;
}

static void expect_limits(struct notrack *nt, const char *expected)
{
	const struct notrack_service service = { .size = sizeof(service), .name = "dns" };
	char text[1024] = "";

	ck_assert_int_eq(hashlimit_each(nt, &service, collect, text), 0);
	ck_assert_str_eq(text, expected);
}

static struct notrack *given_dns_with_limits(void)
{
	static const char *const clients[] = { "192.0.2.0/24", "2001:db8::1", "192.0.2.7" };
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec" };
	struct notrack *nt = notrack_new();

	ck_assert_int_eq(notrack_add_service(nt, &dns), 0);
	ck_assert_int_eq(hashlimit_add_clients(nt, "dns", clients, 3, &limit), 0);
	return nt;
}

#define AS_GIVEN "10/sec: 192.0.2.0/24 192.0.2.7 2001:db8::1\n"

static const struct {
	const char *clients[3];
	struct hashlimit limit;
	const char *offending;
} bad[] = {
	{ { "192.0.2.8", "192.0.2.0/24", "192.0.2.1/24" },
	  { sizeof(struct hashlimit), .above = "5/sec" }, "192.0.2.1/24" },
	{ { "192.0.2.8", "192.0.2.0/24", "" }, { sizeof(struct hashlimit), .above = "5/sec" }, "" },
	{ { "192.0.2.8", "192.0.2.0/24", "2001:db8::2" },
	  { sizeof(struct hashlimit), .above = "5/week" }, "5/week" },
	{ { "192.0.2.8", "192.0.2.0/24", "2001:db8::2" },
	  { sizeof(struct hashlimit), .above = "5/sec", .srcmask = 33 }, "33" },
	{ { "192.0.2.8", "192.0.2.0/24", "2001:db8::2" }, { 0, .above = "5/sec" }, "size" },
};

START_TEST(one_bad_client_of_many_and_none_is_added)
{
	struct notrack *nt = given_dns_with_limits();

	ck_assert_int_eq(hashlimit_add_clients(nt, "dns", bad[_i].clients, 3, &bad[_i].limit), -EINVAL);

	ck_assert_ptr_nonnull(strstr(notrack_error(nt), bad[_i].offending));
	ck_assert_str_ne(notrack_error(nt), "");
	expect_limits(nt, AS_GIVEN);
	notrack_free(nt);
}
END_TEST

START_TEST(one_stranger_of_many_and_none_is_removed)
{
	static const char *const clients[] = { "192.0.2.0/24", "2001:db8::1", "192.0.2.8" };
	struct notrack *nt = given_dns_with_limits();

	ck_assert_int_eq(hashlimit_remove_clients(nt, "dns", clients, 3), -ENOENT);

	ck_assert_ptr_nonnull(strstr(notrack_error(nt), "192.0.2.8"));
	expect_limits(nt, AS_GIVEN);
	notrack_free(nt);
}
END_TEST

START_TEST(all_named_are_removed_and_no_others)
{
	static const char *const clients[] = { "192.0.2.0/24", "2001:db8::1" };
	struct notrack *nt = given_dns_with_limits();

	ck_assert_int_eq(hashlimit_remove_clients(nt, "dns", clients, 2), 0);

	expect_limits(nt, "10/sec: 192.0.2.7\n");
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.7"), 1);
	ck_assert_int_eq(hashlimit_has_client(nt, "dns", "192.0.2.0/24"), 0);
	ck_assert_int_eq(hashlimit_has_client(nt, "ntp", "192.0.2.7"), -ENOENT);
	notrack_free(nt);
}
END_TEST

START_TEST(the_limits_of_a_replaced_service_stay)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns", .mode = "classic" };
	struct notrack *nt = given_dns_with_limits();

	ck_assert_int_eq(notrack_add_service(nt, &dns), 0);

	expect_limits(nt, AS_GIVEN);
	notrack_free(nt);
}
END_TEST

START_TEST(a_service_that_serves_nobody_has_no_clients)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns", .roles = "outbound" };
	const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec" };
	struct notrack *nt = given_dns_with_limits();

	ck_assert_int_eq(notrack_add_service(nt, &dns), -EINVAL);
	expect_limits(nt, AS_GIVEN);

	ck_assert_int_eq(notrack_remove_service(nt, "dns"), 0);
	ck_assert_int_eq(notrack_add_service(nt, &dns), 0);
	ck_assert_int_eq(hashlimit_add_client(nt, "dns", "192.0.2.7", &limit), -EINVAL);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, clients_come_and_go_as_in_a_plain_list);
	tcase_add_loop_test(tcase, clients_that_come_in_order_are_all_there, 0, 2);
	tcase_add_test(tcase, a_client_named_twice_is_one);
	tcase_add_test(tcase, a_new_rate_replaces_the_old);
	tcase_add_loop_test(tcase, one_bad_client_of_many_and_none_is_added, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tcase, one_stranger_of_many_and_none_is_removed);
	tcase_add_test(tcase, all_named_are_removed_and_no_others);
	tcase_add_test(tcase, the_limits_of_a_replaced_service_stay);
	tcase_add_test(tcase, a_service_that_serves_nobody_has_no_clients);
}

int main(void)
{
	return unit_main("client", tests);
}
