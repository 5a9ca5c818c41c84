/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands in the tables, and what `show` says about it. Over nftables, the chains that untrack
 * are read as table raw is (listed.h), and the accepts stand in tables of iptables-nft.
 */
#include <string.h>

#include "run.h"
#include "tables.h"

static const char classic_selectors[] =
	"--dport 53 -p tcp\n"
	"--dport 53 -p udp\n"
	"--sport 53 -p tcp\n"
	"--sport 53 -p udp\n";

/* A table's hooks in which a service has rules: 2 x 4 selectors a table are the eight. */
static const struct {
	const char *table;
	const char *chain;
	const char *target;
} hooks[] = {
	{ "raw", "PREROUTING", "NOTRACK" },
	{ "raw", "OUTPUT", "NOTRACK" },
	{ "filter", "INPUT", "ACCEPT" },
	{ "filter", "OUTPUT", "ACCEPT" },
};

enum { HOOK_COUNT = sizeof(hooks) / sizeof(hooks[0]) };

static struct paths hook_paths(const struct family *family, size_t hook)
{
	struct paths paths = table_walk(family, hooks[hook].table, hooks[hook].chain);

	return paths_to(paths, hooks[hook].target);
}

static const struct family *other_family(const struct family *family)
{
	return family == suite_family(0) ? suite_family(1) : suite_family(0);
}

/* Over nftables there are accepts on a host that denies, and only there. */
static void given_a_host_with_accepts(void)
{
	for (int i = 0; suite_is_nft() && i < FAMILY_COUNT; i++)
		firewall_deny(suite_family(i));
}

START_TEST(classic_dns_is_eight_notracks_and_eight_accepts)
{
	const struct family *family = suite_family(_i);

	given_a_host_with_accepts();
	must("notrackctl %s add dns --classic --no-icmp-errors", family->option);

	for (size_t hook = 0; hook < HOOK_COUNT; hook++)
		assert_same_text(paths_as_set(hook_paths(family, hook)), classic_selectors);
}
END_TEST

START_TEST(a_family_not_asked_for_gets_no_rule)
{
	const struct family *family = suite_family(_i), *other = other_family(family);

	given_a_host_with_accepts();
	must("notrackctl add dns %s", family->option);

	ck_assert_ptr_null(strstr(table_save(other, "raw"), "NOTRACK"));
	ck_assert_ptr_null(strstr(table_save(other, "filter"), "NOTRACK"));
	for (size_t hook = 0; hook < HOOK_COUNT; hook++) {
		ck_assert_uint_gt(hook_paths(family, hook).count, 0);
		ck_assert_uint_eq(hook_paths(other, hook).count, 0);
	}
}
END_TEST

START_TEST(both_families_are_the_default)
{
	given_a_host_with_accepts();
	must("notrackctl add dns --classic --no-icmp-errors");

	for (size_t hook = 0; hook < HOOK_COUNT; hook++)
		assert_same_text(paths_as_set(hook_paths(suite_family(_i), hook)), classic_selectors);
}
END_TEST

START_TEST(a_named_namespace_is_the_one_that_changes)
{
	const struct family *family = suite_family(_i);

	must("ip netns add other");

	must("notrackctl --netns other add dns --classic --no-icmp-errors");

	ck_assert_ptr_null(strstr(tables_save_all(), "NOTRACK"));
	ck_assert_ptr_null(strstr(tables_save_all(), "libnotrack"));
	if (suite_is_nft())
		ck_assert_ptr_nonnull(strstr(must("ip netns exec other nft list tables").out,
					     "table inet libnotrack"));
	else
		ck_assert_ptr_nonnull(strstr(must("ip netns exec other %s", family->save).out,
					     ":NOTRACK"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl --netns other show").out, "dns"));
}
END_TEST

/* Where both tables look at them differs: kernel-flags has packets for that. */
static char *without_flags(struct paths paths)
{
	for (size_t i = 0; i < paths.count; i++) {
		char *selector = paths.path[i].selector, *flags;

		while ((flags = strstr(selector, "--tcp-flags "))) {
			char *rest = strstr(flags, " -");

			flags -= flags - selector > 1 && flags[-2] == '!' ? 2 : 0;
			memmove(flags, rest + 1, strlen(rest));
		}
	}
	return paths_as_set(paths);
}

/* The law: every packet we untrack, we accept, and every packet we accept, we untrack. */
START_TEST(both_tables_have_the_same_selectors)
{
	const struct family *family = suite_family(_i);

	given_a_host_with_accepts();
	must("notrackctl add dns --no-icmp-errors --remote %s", family->peer);
	must("notrackctl add web --ports 80,8000:8080 --proto tcp --role inbound --no-icmp-errors");
	must("notrackctl add ntp --no-icmp-errors --role outbound");

	assert_other_text(paths_as_set(hook_paths(family, 0)), "");
	assert_same_text(without_flags(hook_paths(family, 0)), without_flags(hook_paths(family, 2)));
	assert_same_text(without_flags(hook_paths(family, 1)), without_flags(hook_paths(family, 3)));
}
END_TEST

START_TEST(only_jumps_and_chains_of_ours_are_added)
{
	const struct family *family = suite_family(_i);
	char *raw, *filter;

	given_a_host_with_accepts();
	must("%s -w -t raw -A OUTPUT -j NOTRACK", family->tables);
	must("%s -w -A INPUT -p udp --dport 7 -j ACCEPT", family->tables);
	raw = table_save(family, "raw");
	filter = table_save(family, "filter");

	must("notrackctl add dns");
	must("notrackctl limit dns %s --above 10/sec", family->limited_prefix);

	if (!suite_is_nft())		/* there, what untracks is in a table of ours */
		assert_other_text(table_save(family, "raw"), raw);
	assert_other_text(table_save(family, "filter"), filter);
	assert_same_text(tables_without_ours(table_save(family, "raw")), raw);
	assert_same_text(tables_without_ours(table_save(family, "filter")), filter);
}
END_TEST

/* The line of the jump from the chain, NULL without. */
static char *jump_of(const struct family *family, const char *chain)
{
	char *state, *saved = table_save(family, "filter");
	char *prefix = format_text("-A %s -j NOTRACK", chain);

	for (char *line = strtok_r(saved, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		if (strstr(line, prefix))
			return strstr(line, prefix) + strlen("-A ");
	return NULL;
}

START_TEST(a_jump_moved_by_hand_stays_where_it_is)
{
	const struct family *family = suite_family(_i);
	char *jump, *moved;

	given_a_host_with_accepts();
	must("notrackctl add dns");
	jump = jump_of(family, "INPUT");
	ck_assert_ptr_nonnull(jump);
	must("%s -w -A INPUT -s %s -j DROP", family->tables, family->other);
	must("%s -w -D %s", family->tables, jump);
	must("%s -w -A %s", family->tables, jump);
	moved = table_walk(family, "filter", "INPUT").path[0].rule;

	must("notrackctl add ntp");

	ck_assert_ptr_nonnull(strstr(moved, "DROP"));
	assert_same_text(table_walk(family, "filter", "INPUT").path[0].rule, moved);
}
END_TEST

START_TEST(a_limit_reads_as_iptables_prints_it)
{
	const struct family *family = suite_family(_i);
	struct paths paths, drops, accepts;
	const char *rule;

	must("notrackctl add dns");
	must("notrackctl limit dns %s --above 10/sec --burst 20", family->limited_prefix);

	paths = table_walk(family, "filter", "INPUT");
	drops = paths_to(paths, "DROP");
	accepts = paths_to(paths, "ACCEPT");
	ck_assert_uint_ge(drops.count, 1);
	rule = drops.path[0].rule;
	ck_assert_str_eq(drops.path[0].comment, "drop_overly_frequent_dns");
	ck_assert_ptr_nonnull(strstr(rule, "--hashlimit-above 10/sec --hashlimit-burst 20 "
					   "--hashlimit-mode srcip"));
	ck_assert_ptr_nonnull(strstr(rule, "-j DROP"));
	ck_assert_msg(strstr(drops.path[0].selector, format_text("-s %s", family->limited_prefix)) != NULL,
		      "limits somebody else: %s", drops.path[0].selector);
	ck_assert_uint_ge(accepts.count, 1);
}
END_TEST

/* The number of the first path for such packets that ends so; there must be one. */
static size_t first_to(struct paths paths, const char *target, const char *protocol)
{
	for (size_t i = 0; i < paths.count; i++)
		if (!strcmp(paths.path[i].target, target) && strstr(paths.path[i].selector, "--dport 53") &&
		    strstr(paths.path[i].selector, format_text("-p %s", protocol)))
			return i;
	ck_abort_msg("no %s for %s", target, protocol);
}

START_TEST(a_limit_comes_before_the_accepts)
{
	const struct family *family = suite_family(_i);
	struct paths paths;

	must("notrackctl add dns");
	must("notrackctl limit dns %s --above 10/sec --burst 20", family->limited_prefix);

	paths = table_walk(family, "filter", "INPUT");
	ck_assert_uint_lt(first_to(paths, "DROP", "udp"), first_to(paths, "ACCEPT", "udp"));
	ck_assert_uint_lt(first_to(paths, "DROP", "tcp"), first_to(paths, "ACCEPT", "tcp"));
}
END_TEST

/* json_unpack, or the test ends here with what was found instead. */
static void has_strings(json_t *object, const char *key, const char *expected)
{
	json_t *array = json_object_get(object, key), *item;
	char *found = format_text("%s", "");
	size_t i;

	ck_assert_msg(json_is_array(array), "%s is no array", key);
	json_array_foreach(array, i, item)
		found = json_is_string(item) ?
			format_text("%s%s ", found, json_string_value(item)) :
			format_text("%s%" JSON_INTEGER_FORMAT " ", found, json_integer_value(item));
	ck_assert_str_eq(found, expected);
}

static json_t *only_service(void)
{
	json_t *services = json_object_get(must_json("notrackctl show --json"), "services");

	ck_assert_uint_eq(json_array_size(services), 1);
	return json_array_get(services, 0);
}

static void has_limit(json_t *service, const char *above, int burst, int srcmask, const char *clients)
{
	json_t *limits = json_object_get(service, "limits"), *limit = json_array_get(limits, 0);

	ck_assert_uint_eq(json_array_size(limits), 1);
	ck_assert_str_eq(json_string_value(json_object_get(limit, "above")), above);
	ck_assert_int_eq(json_integer_value(json_object_get(limit, "burst")), burst);
	ck_assert_int_eq(json_integer_value(json_object_get(limit, "srcmask")), srcmask);
	has_strings(limit, "clients", clients);
}

START_TEST(show_json_has_the_keys_of_the_contract)
{
	json_t *service;

	must("notrackctl add dns --remote 192.0.2.2,2001:db8::2 --local 192.0.2.1");
	must("notrackctl limit dns 192.0.2.10/31 --above 10/sec --burst 20");

	service = only_service();
	ck_assert_str_eq(json_string_value(json_object_get(service, "name")), "dns");
	ck_assert_str_eq(json_string_value(json_object_get(service, "mode")), "strict");
	has_strings(service, "protocols", "udp tcp ");
	has_strings(service, "ports", "53 ");
	has_strings(service, "roles", "inbound outbound ");
	has_strings(service, "local", "192.0.2.1 ");
	has_strings(service, "remote", "192.0.2.2 2001:db8::2 ");
	has_limit(service, "10/sec", 20, 32, "192.0.2.10/31 ");
}
END_TEST

START_TEST(what_one_process_adds_another_limits)
{
	const struct family *family = suite_family(_i);

	must("notrackctl add dns --classic");
	must("notrackctl limit dns %s --above 100/min --burst 7", family->limited_prefix);
	must("notrackctl add ntp");
	must("notrackctl del ntp");

	ck_assert_str_eq(json_string_value(json_object_get(only_service(), "mode")), "classic");
	has_limit(only_service(), "100/min", 7, family->srcmask,
		  format_text("%s ", family->limited_prefix));
}
END_TEST

START_TEST(a_removed_service_takes_its_limits_along)
{
	const struct family *family = suite_family(_i);
	char *before;

	given_a_host_with_accepts();
	must("notrackctl add ntp");
	before = tables_save_all();
	must("notrackctl add dns");
	must("notrackctl limit dns %s --above 10/sec", family->limited_prefix);
	assert_other_text(tables_save_all(), before);

	must("notrackctl del dns");

	assert_same_text(tables_save_all(), before);
}
END_TEST

START_TEST(shown_rules_are_taken_by_what_reads_such_text)
{
	const struct family *family = suite_family(_i);
	struct run shown;

	given_a_host_with_accepts();
	must("notrackctl add dns");
	must("notrackctl add ntp --classic");
	must("notrackctl limit dns %s --above 10/sec --burst 20", family->limited_prefix);

	shown = must("notrackctl %s show --rules", family->option);

	if (suite_is_nft()) {
		ck_assert_ptr_nonnull(strstr(shown.out, "table inet libnotrack"));
		must_as(&(struct how){ .input = shown.out }, "nft --check -f -");
		return;
	}
	ck_assert_ptr_nonnull(strstr(shown.out, "*raw"));
	ck_assert_ptr_nonnull(strstr(shown.out, "*filter"));
	must_as(&(struct how){ .input = shown.out }, "%s --test", family->restore);
}
END_TEST

/* Over nftables, what is in chains of the host is a comment: it is for the rules that are there. */
static bool is_restored(size_t hook)
{
	return !suite_is_nft() || !strcmp(hooks[hook].table, "raw");
}

START_TEST(shown_rules_restore_what_stands)
{
	const struct family *family = suite_family(_i);
	const char *restore = suite_is_nft() ? "nft -f -" :
					       format_text("%s -w --noflush", family->restore);
	struct run shown;
	char *before[HOOK_COUNT];

	must("notrackctl add dns");
	must("notrackctl limit dns %s --above 10/sec --burst 20", family->limited_prefix);
	for (size_t hook = 0; hook < HOOK_COUNT; hook++)
		before[hook] = paths_as_set(table_walk(family, hooks[hook].table, hooks[hook].chain));
	shown = must("notrackctl %s show --rules", family->option);
	must("notrackctl clear");

	must_as(&(struct how){ .input = shown.out }, "%s", restore);

	for (size_t hook = 0; hook < HOOK_COUNT; hook++) {
		struct paths paths = table_walk(family, hooks[hook].table, hooks[hook].chain);

		if (is_restored(hook))
			assert_same_text(paths_as_set(paths), before[hook]);
	}
	ck_assert(json_is_false(json_object_get(must_json("notrackctl --json %s limit dns %s --above "
							  "10/sec --burst 20", family->option,
							  family->limited_prefix), "changed")));
}
END_TEST

START_TEST(what_is_shown_can_be_applied)
{
	struct run shown;
	json_t *applied;
	char *tables;

	given_a_host_with_accepts();
	must("notrackctl add dns --remote 192.0.2.2,2001:db8::/64");
	must("notrackctl add web --ports 80,8000:8080 --proto tcp --role inbound --classic");
	must("notrackctl limit dns 192.0.2.10/31,2001:db8:1::/64 --above 10/sec --burst 20");
	must("notrackctl limit web 192.0.2.0/24 --above 3/min --srcmask 28");
	tables = tables_save_all();
	shown = must("notrackctl show");

	applied = json_loads(must_as(&(struct how){ .input = shown.out },
				     "notrackctl apply - --json").out, 0, NULL);

	ck_assert(json_is_false(json_object_get(applied, "changed")));
	assert_same_text(tables_save_all(), tables);
	json_decref(applied);
}
END_TEST

/* With a table's own text, as a host does over a reboot. */
static const struct {
	const char *tool, *backend, *twin, *jump;
} beside[] = {
	{ "iptables-nft", "nft",
	  "\n# ip filter INPUT ct state untracked counter jump NOTRACK-est-accept\n",
	  "\n# ip filter INPUT counter jump NOTRACK-INPUT\n" },
	{ "iptables-legacy", "legacy",
	  "\n# -4 filter -A INPUT -m conntrack --ctstate UNTRACKED -j NOTRACK-est-accept\n",
	  "\n-A INPUT -j NOTRACK-INPUT\n" },
};

/* What there is of ours in chains of the host depends on these, and is a comment. */
START_TEST(rules_of_ours_in_chains_of_the_host_are_shown)
{
	const char *shown;

	must("%s -P INPUT DROP", beside[_i].tool);
	must("%s -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", beside[_i].tool);
	must("%s -t mangle -A PREROUTING -m conntrack --ctstate NEW -j MARK --set-mark 4", beside[_i].tool);
	must("notrackctl -4 --backend %s add dns", beside[_i].backend);
	shown = must("notrackctl -4 show --rules").out;
	ck_assert_msg(strstr(shown, beside[_i].twin) && strstr(shown, beside[_i].jump), "%s", shown);
	ck_assert_ptr_nonnull(strstr(shown, " mangle "));
	ck_assert_ptr_null(strstr(shown, "# inet libnotrack"));
	ck_assert_ptr_null(strstr(shown, "# -4 filter -A NOTRACK-dns-in"));
}
END_TEST

START_TEST(rules_saved_and_restored_need_no_repair)
{
	const struct family *family = suite_family(_i);
	struct run saved;
	json_t *result;

	given_a_host_with_accepts();
	must("notrackctl add dns --remote %s", family->peer);
	must("notrackctl limit dns %s --above 10/sec --burst 20", family->limited_prefix);
	saved = must("%s", suite_is_nft() ? "nft list ruleset" : family->save);
	if (suite_is_nft())
		must("nft flush ruleset");
	must_as(&(struct how){ .input = saved.out }, "%s", suite_is_nft() ? "nft -f -" :
		format_text("%s -w", family->restore));

	result = must_json("notrackctl --json limit dns %s --above 10/sec --burst 20",
			   family->limited_prefix);

	ck_assert(json_is_false(json_object_get(result, "changed")));
}
END_TEST

/* Whoever reads a rule of ours can say it to iptables: to check it, or to delete it. */
static unsigned int are_known_by_their_text(const struct family *family, const char *table)
{
	char *state, *saved = table_save(family, table);
	unsigned int known = 0;

	for (char *line = strtok_r(saved, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		const char *rule = strstr(line, "-A ");

		if (!rule)
			continue;
		must("%s -w -t %s -C %s", family->tables, table, rule + strlen("-A "));
		known++;
	}
	return known;
}

START_TEST(rules_are_known_to_iptables_by_their_text)
{
	const struct family *family = suite_family(_i);

	given_a_host_with_accepts();
	must("notrackctl add dns --remote %s", family->peer);
	must("notrackctl add web --ports 80,443,8000:8080 --proto tcp --role inbound");
	must("notrackctl limit dns %s --above 10/sec --burst 20", family->limited_prefix);

	ck_assert_uint_gt(are_known_by_their_text(family, "filter"), 20);
	if (!suite_is_nft())
		ck_assert_uint_gt(are_known_by_their_text(family, "raw"), 20);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, classic_dns_is_eight_notracks_and_eight_accepts, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_family_not_asked_for_gets_no_rule, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, both_families_are_the_default, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_named_namespace_is_the_one_that_changes, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, both_tables_have_the_same_selectors, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, only_jumps_and_chains_of_ours_are_added, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_jump_moved_by_hand_stays_where_it_is, 0, FAMILY_COUNT);
	tcase_add_test(tcase, show_json_has_the_keys_of_the_contract);
	tcase_add_loop_test(tcase, what_one_process_adds_another_limits, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_removed_service_takes_its_limits_along, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, shown_rules_are_taken_by_what_reads_such_text, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, shown_rules_restore_what_stands, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, rules_saved_and_restored_need_no_repair, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, rules_are_known_to_iptables_by_their_text, 0, FAMILY_COUNT);
	tcase_add_test(tcase, what_is_shown_can_be_applied);
	if (suite_is_nft())
		return;
	/* of limits as iptables prints them: kernel/test_nft_limits.c has those of nftables */
	tcase_add_loop_test(tcase, a_limit_reads_as_iptables_prints_it, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_limit_comes_before_the_accepts, 0, FAMILY_COUNT);
	/* names both backends itself */
	tcase_add_loop_test(tcase, rules_of_ours_in_chains_of_the_host_are_shown, 0, 2);
}

int main(void)
{
	return netns_main("rules", tests);
}
