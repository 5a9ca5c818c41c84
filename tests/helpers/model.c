/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fingerprint.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct notrack *new_context(void)
{
	struct notrack *nt = notrack_new();

	ck_assert_ptr_nonnull(nt);
	if (suite_is_nft())
		must_do(nt, notrack_set_backend(nt, "nft"));
	return nt;
}

int must_have_done(const struct notrack *nt, int result, const char *call)
{
	ck_assert_msg(result >= 0, "%s: %d: %s", call, result, notrack_error(nt));
	return result;
}

int add_service(struct notrack *nt, const char *name, const char *mode)
{
	return notrack_add_service(nt, &(struct notrack_service){
		.size = sizeof(struct notrack_service), .name = name, .mode = mode });
}

int add_client(struct notrack *nt, const char *service, const char *prefix, const char *above)
{
	return hashlimit_add_client(nt, service, prefix, &(struct hashlimit){
		.size = sizeof(struct hashlimit), .above = above });
}

int add_dns_with_two_clients(struct notrack *nt)
{
	int err = add_service(nt, "dns", NULL);

	for (int i = 0; i < FAMILY_COUNT && !err; i++)
		err = add_client(nt, "dns", families[i].limited_prefix, "10/sec");
	return err;
}

static const char rules_of_others[] =
	"*raw\n"
	":PREROUTING ACCEPT [0:0]\n"
	":OUTPUT DROP [0:0]\n"
	":Others - [0:0]\n"
	":others - [0:0]\n"
	"-A PREROUTING -p tcp -m tcp --dport 22 -j others\n"
	"-A OUTPUT -g Others\n"
	"-A Others -p udp -m udp --sport 5060 -j others\n"
	"-A others -p udp -m udp --dport 5060 -j NOTRACK\n"
	"COMMIT\n"
	"*filter\n"
	":INPUT DROP [0:0]\n"
	":FORWARD ACCEPT [0:0]\n"
	":OUTPUT ACCEPT [0:0]\n"
	":Others - [0:0]\n"
	":others - [0:0]\n"
	"-A INPUT -i lo -j ACCEPT\n"
	"-A INPUT -p tcp -m multiport --dports 22,80,443 -j others\n"
	"-A FORWARD -j Others\n"
	"-A OUTPUT -o eth+ -g others\n"
	"-A Others -m comment --comment \"not ours\" -j RETURN\n"
	"-A others -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j Others\n"
	"-A others -p udp -m udp --dport 5060 -j DROP\n"
	"COMMIT\n";

void given_rules_of_others(void)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		must_as(&(struct how){ .input = rules_of_others }, "%s", suite_family(i)->restore);
	given_counters();
}

/* Each of a rule's two counters needs more than 32 bits for some of them. */
static char *numbered(const char *saved)
{
	unsigned long long number = 0;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *at;

	ck_assert_ptr_nonnull(out);
	while ((at = strstr(saved, "[0:0]"))) {
		number++;
		fprintf(out, "%.*s[%llu:%llu]", (int)(at - saved), saved, number * 300000007,
			number * 4294967311);
		saved = at + strlen("[0:0]");
	}
	fputs(saved, out);
	fclose(out);
	return keep(text);
}

void given_counters(void)
{
	struct saved saved;

	if (suite_is_nft())	/* there a rule that is made anew has another handle */
		return;
	saved = tables_save_both();
	for (int i = 0; i < FAMILY_COUNT; i++)
		saved.table[i] = numbered(saved.table[i]);
	saved.seen = NULL;
	tables_restore(&saved);
}

/* The same rules may lie in the kernel in another order of chains: a few of those. */
struct seen {
	uint64_t mark[8];
	unsigned int count;
};

/* True only of the same tables; false also of the same in another order, so that text tells. */
static bool is_seen(const struct seen *seen, uint64_t mark)
{
	for (unsigned int i = 0; seen && i < seen->count && i < COUNT(seen->mark); i++)
		if (seen->mark[i] == mark)
			return true;
	return false;
}

/*
 * @mark: from before they were printed, so that what a packet counts meanwhile makes another one.
 * It is one of legacy tables, and says nothing of nftables.
 */
static void keep_seen(struct seen *seen, uint64_t mark)
{
	if (seen && !suite_is_nft())
		seen->mark[seen->count++ % COUNT(seen->mark)] = mark;
}

/* What nftables have is one text of both families, each rule with its handle. */
static char *family_save(int number)
{
	if (!suite_is_nft())
		return table_save(&families[number], NULL);
	return number ? keep(strdup("")) : must("nft -a list ruleset").out;
}

struct saved tables_save_both(void)
{
	struct saved saved = { .seen = keep(calloc(1, sizeof(*saved.seen))) };
	const uint64_t mark = fingerprint_tables();

	for (int i = 0; i < FAMILY_COUNT; i++)
		saved.table[i] = family_save(i);
	keep_seen(saved.seen, mark);
	return saved;
}

void tables_restore(const struct saved *saved)
{
	if (is_seen(saved->seen, fingerprint_tables()))
		return;
	for (int i = 0; i < FAMILY_COUNT; i++)
		must_as(&(struct how){ .input = saved->table[i] }, "%s -c", families[i].restore);
}

/* Returns the first difference, in words; NULL: there is none. */
static const char *difference_from(const struct saved *expected)
{
	const uint64_t mark = fingerprint_tables();

	if (is_seen(expected->seen, mark))
		return NULL;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		const char *difference = first_difference(family_save(i), expected->table[i]);

		if (difference)
			return format_text("%s: %s", families[i].name, difference);
	}
	keep_seen(expected->seen, mark);
	return NULL;
}

bool tables_are(const struct saved *expected)
{
	return !difference_from(expected);
}

void assert_same_tables(const struct saved *expected, const char *when)
{
	const char *difference = difference_from(expected);

	ck_assert_msg(!difference, "%s, %s", when, difference);
}

char *without_counters(const char *saved)
{
	char *text = keep(strdup(saved)), *to = text;

	for (const char *from = saved; *from; from++) {
		size_t length = strspn(from + (*from == '['), "0123456789:");

		if (*from == '[' && length && from[1 + length] == ']') {
			from += 1 + length;	/* and the blank after it */
			from += from[1] == ' ';
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return text;
}

void assert_same_rules(const struct saved *expected, const char *when)
{
	struct saved found = tables_save_both();

	for (int i = 0; i < FAMILY_COUNT; i++) {
		const char *difference = first_difference(without_counters(found.table[i]),
							  without_counters(expected->table[i]));

		ck_assert_msg(!difference, "%s, %s: %s", when, families[i].name, difference);
	}
}

char *print_rules(struct notrack *nt)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	must_do(nt, notrack_print_rules(nt, out));
	fclose(out);
	return keep(text);
}
