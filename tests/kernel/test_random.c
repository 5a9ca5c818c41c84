/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Models by chance, one after the other, into a real kernel and back out of it. */
#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"
#include "random.h"
#include "run.h"
#include "tables.h"

enum { MODELS = 20, SERVICES = 3, CLIENTS = 60 };

/* --- kernels that have less than this one ----------------------------- */

struct xt_family {
	const char *name;
	int hashlimit;		/* the newest revision */
	bool notrack;		/* or CT alone */
};

static const struct xt_family this_one = { "this kernel", 3, true }, *pretended = &this_one;
static const struct xt_family older[] = {
	{ "hashlimit 2", 2, true },
	{ "hashlimit 1", 1, true },
	{ "hashlimit 1, and CT alone", 1, false },
	{ "no NOTRACK", 3, false },
};
#define OLDER ((int)(sizeof(older) / sizeof(older[0])))

static bool has_not(int level, int option, const void *value)
{
	const struct xt_get_revision *asked = value;

	if (option == (level == IPPROTO_IP ? IPT_SO_GET_REVISION_MATCH : IP6T_SO_GET_REVISION_MATCH))
		return !strcmp(asked->name, "hashlimit") && asked->revision > pretended->hashlimit;
	if (option == (level == IPPROTO_IP ? IPT_SO_GET_REVISION_TARGET : IP6T_SO_GET_REVISION_TARGET))
		return !strcmp(asked->name, "NOTRACK") && !pretended->notrack;
	return false;
}

/* In place of libc's, for the library is linked into this program. */
int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	if ((level == IPPROTO_IP || level == IPPROTO_IPV6) && has_not(level, option, value)) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_getsockopt, fd, level, option, value, size);
}

/* ---------------------------------------------------------------------- */

static struct notrack *random_context(void)
{
	struct notrack *nt = new_context();

	random_model(nt, SERVICES, CLIENTS);
	return nt;
}

/* --- text ------------------------------------------------------------- */

/* iptables-save rounds rates; test_limit.c has what ours are worth. */
static void forget_rates(char *text)
{
	static const char option[] = "--hashlimit-above ";
	char *at = text;

	while ((at = strstr(at, option))) {
		at += strlen(option);
		memmove(at, at + strcspn(at, " "), strlen(at + strcspn(at, " ")) + 1);
	}
}

/* Our rules of one table, a line each, in order; a jump that is to be inserted is there. */
static char *our_rules(const char *text, const char *table)
{
	char *copy = format_text("%s", text), *ours = keep(calloc(1, strlen(text) + 1)), *state;
	bool here = false;

	for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (*line == '*')
			here = !strcmp(line + 1, table);
		if (!here || *line != '-' || !strstr(line, "NOTRACK-"))
			continue;
		if (!strncmp(line, "-I", 2))
			line[1] = 'A';
		strcat(strcat(ours, line), "\n");
	}
	forget_rates(ours);
	return ours;
}

static char *printed_for(struct notrack *nt, int family)
{
	char *text;

	must_do(nt, notrack_set_families(nt, family ? NOTRACK_IPV6 : NOTRACK_IPV4));
	text = print_rules(nt);
	must_do(nt, notrack_set_families(nt, NOTRACK_ANY));
	return text;
}

/* nft(8) prints otherwise than we do; that it reads what we print is another test. */
static void assert_saved_as_printed(struct notrack *nt)
{
	static const char *const tables[] = { "raw", "filter" };

	if (suite_is_nft())
		return;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		char *printed = printed_for(nt, i);
		char *saved = without_counters(table_save(&families[i], NULL));

		for (int j = 0; j < 2; j++)
			assert_same_text(our_rules(saved, tables[j]), our_rules(printed, tables[j]));
	}
}

/* What is printed is for a host that lets everybody in. */
START_TEST(from_any_model_to_any_other_the_tables_say_what_is_printed)
{
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = random_context();
		int would = must_do(nt, notrack_diff(nt, NULL, NULL));

		ck_assert_int_eq(must_do(nt, notrack_commit(nt, NULL)) > 0, would > 0);
		assert_saved_as_printed(nt);
		ck_assert_int_eq(must_do(nt, notrack_diff(nt, NULL, NULL)), 0);
		ck_assert_int_eq(must_do(nt, notrack_commit(nt, NULL)), 0);
		notrack_free(nt);
	}
}
END_TEST

static void restore(struct notrack *nt)
{
	if (suite_is_nft()) {
		must_as(&(struct how){ .input = print_rules(nt) }, "nft -f -");
		return;
	}
	for (int i = 0; i < FAMILY_COUNT; i++)
		must_as(&(struct how){ .input = printed_for(nt, i) }, "%s --noflush",
			families[i].restore);
}

START_TEST(what_is_restored_from_our_text_is_the_model)
{
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = random_context();

		restore(nt);
		ck_assert_int_eq(must_do(nt, notrack_diff(nt, stderr, NULL)), 0);
		must_do(nt, notrack_clear(nt, NULL));
		notrack_free(nt);
	}
}
END_TEST

/* --- and back --------------------------------------------------------- */

static int print_limit(const struct hashlimit *limit, const char *const *clients, size_t count,
		       void *data)
{
	fprintf(data, "%s burst %u srcmask %u max %u size %u expire %u:", limit->above, limit->burst,
		limit->srcmask, limit->htable_max, limit->htable_size, limit->htable_expire_ms);
	for (size_t i = 0; i < count; i++)
		fprintf(data, " %s", clients[i]);
	fputs("\n", data);
	return 0;
}

struct printer {
	struct notrack *nt;
	FILE *out;
};

static int print_service(const struct notrack_service *service, void *data)
{
	const struct printer *printer = data;
	const char *key, *value;

	fprintf(printer->out, "[%s]\n", service->name);
	for (unsigned int i = 0; notrack_service_get(service, i, &key, &value); i++)
		fprintf(printer->out, "%s = %s\n", key, value ? value : "");
	return hashlimit_each(printer->nt, service, print_limit, printer->out);
}

static char *model_as_text(struct notrack *nt)
{
	char *text = NULL;
	size_t size;
	struct printer printer = { nt, open_memstream(&text, &size) };

	must_do(nt, notrack_each_service(nt, print_service, &printer));
	fclose(printer.out);
	return keep(text);
}

static void load_what_was_committed(void)
{
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = random_context(), *loaded = new_context();

		must_do(nt, notrack_commit(nt, NULL));
		must_do(loaded, notrack_load(loaded));
		assert_same_text(model_as_text(loaded), model_as_text(nt));
		if (!suite_is_nft())	/* which numbers limits in the order that they came in */
			assert_same_text(print_rules(loaded), print_rules(nt));
		ck_assert_int_eq(must_do(loaded, notrack_commit(loaded, NULL)), 0);
		notrack_free(loaded);
		notrack_free(nt);
	}
}

START_TEST(any_model_is_loaded_as_it_was_committed)
{
	load_what_was_committed();
}
END_TEST

START_TEST(on_an_older_kernel_too)
{
	const char *targets[] = { "-j CT --notrack\n", "-j NOTRACK\n" };
	struct notrack *nt = new_context();

	pretended = &older[_i];
	load_what_was_committed();
	must_do(nt, add_service(nt, "dns", NULL));
	must_do(nt, notrack_commit(nt, NULL));
	for (int i = 0; i < FAMILY_COUNT; i++) {
		const char *saved = table_save(&families[i], "raw");

		ck_assert_ptr_nonnull(strstr(saved, targets[pretended->notrack]));
		ck_assert_ptr_null(strstr(saved, targets[!pretended->notrack]));
	}
	notrack_free(nt);
}
END_TEST

START_TEST(after_any_model_a_clear_leaves_the_rules_of_others)
{
	struct saved before;

	given_rules_of_others();
	before = tables_save_both();
	for (int i = 0; i < MODELS; i++) {
		struct notrack *nt = random_context();
		int added = must_do(nt, notrack_commit(nt, NULL));
		int removed = must_do(nt, notrack_clear(nt, NULL));

		/* over nftables, what goes with a set is not told one by one */
		ck_assert(removed == added || (suite_is_nft() && removed < added));
		assert_same_tables(&before, format_text("model %d", i));
		notrack_free(nt);
	}
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, random_begin, NULL);
	tcase_add_test(tcase, from_any_model_to_any_other_the_tables_say_what_is_printed);
	tcase_add_test(tcase, what_is_restored_from_our_text_is_the_model);
	tcase_add_test(tcase, any_model_is_loaded_as_it_was_committed);
	if (!suite_is_nft())	/* whose expressions have no revisions */
		tcase_add_loop_test(tcase, on_an_older_kernel_too, 0, OLDER);
	tcase_add_test(tcase, after_any_model_a_clear_leaves_the_rules_of_others);
}

int main(void)
{
	return netns_main("random", tests);
}
