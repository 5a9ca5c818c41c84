/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as bytes and back, whatever the kernel's revisions; and bytes that are nobody's rules. */
#include <arpa/inet.h>
#include "legacy/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy/print.h"
#include "legacy/view.h"
#include "lowered.h"
#include "random.h"
#include "unit.h"

enum { MODELS = 60, MUTATIONS = 20 };

static const struct features kinds[] = {
	{ .asked = true, .hashlimit = 3, .notrack = true, .ct = 2 },
	{ .asked = true, .hashlimit = 2, .notrack = false, .ct = 2 },
	{ .asked = true, .hashlimit = 1, .notrack = false, .ct = 1 },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static union {
	char bytes[ENTRY_MAX];
	max_align_t alignment;
} buffer, again;

static void encode(void *bytes, const struct rule *rule, enum family family,
		   const struct features *revisions)
{
	struct error error;

	memset(bytes, 0xa5, ENTRY_MAX);	/* whatever was there before */
	expect(!entry_encode(bytes, rule, &xt_families[family], revisions, &error), "%s", error.text);
}

/* What the kernel does with the target's name of a jump or verdict. */
static bool is_verdict(const char *label)
{
	return !strcmp(label, "ACCEPT") || !strcmp(label, "DROP") || !strcmp(label, "RETURN") ||
	       !strcmp(label, "QUEUE");
}

/* As the kernel has it: verdicts are negative, jumps the offset of a chain. */
static void set_standard(struct xt_entry_target *target, const char *label)
{
	struct xt_standard_target *standard = (void *)target;

	memset(target->u.user.name, 0, sizeof(target->u.user.name));
	standard->verdict = is_verdict(label) ? -NF_ACCEPT - 1 : 4096;
}

static const char *take_label(char *bytes, enum family family, char label[XT_EXTENSION_MAXNAMELEN])
{
	struct xt_entry_target *target = (void *)entry_target(&xt_families[family], bytes);

	strcpy(label, target->u.user.name);
	if (target->u.user.target_size == XT_ALIGN(sizeof(struct xt_standard_target)))
		set_standard(target, label);
	return label;
}

static struct rule decode(const char *bytes, const char *label, enum family family,
			  struct arena *arena)
{
	const struct xt_standard_target *target =
		(const void *)entry_target(&xt_families[family], bytes);
	struct chain *to = NULL;
	struct rule rule;

	if (!*target->target.u.user.name && target->verdict >= 0 && *label) {
		to = arena_alloc(arena, sizeof(*to));
		strcpy(to->name, label);
	}
	expect(!entry_decode(&rule, bytes, label, to, &xt_families[family], arena), "out of memory");
	return rule;
}

/* The rule that counts what passed has no chain in its entry: see table.c. */
static bool is_the_same(const struct rule *rule, struct rule decoded)
{
	if (rule->target == TARGET_NONE || rule->target == TARGET_RETURN)
		decoded.to = rule->to;
	return rule_same(rule, &decoded);
}

/* --- there and back --------------------------------------------------- */

static void there_and_back(const struct rule *rule, enum family family,
			   const struct features *revisions)
{
	struct rule counted = *rule, decoded;
	char label[XT_EXTENSION_MAXNAMELEN];
	struct arena arena = { 0 };

	counted.count = (struct notrack_count){ random_number(), random_number() };
	encode(buffer.bytes, &counted, family, revisions);
	take_label(buffer.bytes, family, label);
	decoded = decode(buffer.bytes, label, family, &arena);
	if (!is_the_same(rule, decoded)) {
		rule_print(rule, "want", family, stderr);
		fputc('\n', stderr);
		rule_print(&decoded, "have", family, stderr);
		fputc('\n', stderr);
		ck_abort_msg("hashlimit revision %d: not the same rule", revisions->hashlimit);
	}
	expect(!memcmp(&decoded.count, &counted.count, sizeof(counted.count)), "other counters");
	arena_free(&arena);
}

static void each_rule(const struct ruleset *rules, enum family family, int kind,
		      void (*visit)(const struct rule *, enum family, const struct features *))
{
	for (size_t i = 0; i < rules->count; i++)
		for (size_t j = 0; j < rules->chains[i]->count; j++)
			visit(&rules->chains[i]->rules[j], family, &kinds[kind]);
}

/* Visits every rule of random models. */
static void each_model(int models, int kind,
		       void (*visit)(const struct rule *, enum family, const struct features *))
{
	while (models--) {
		struct notrack *nt = notrack_new();

		random_model(nt, 4, 40);
		for (enum family family = IPV4; family < FAMILIES; family++) {
			struct lowered lowered = lower_model(nt, family);

			for (int table = RAW; table < TABLES; table++)
				each_rule(&lowered.rules[table], family, kind, visit);
			lowered_free(&lowered);
		}
		notrack_free(nt);
	}
}

START_TEST(every_rule_of_ours_is_read_as_it_was_written)
{
	each_model(MODELS, _i, there_and_back);
}
END_TEST

static void one_rate(uint64_t period, int kind)
{
	const struct limit_rate rate = { .period = period, .burst = 1, .srcmask = 32,
					 .htable_expire_ms = 1000 };
	const struct match match = { .above = &rate, .table_name = "dns-12345678" };

	there_and_back(&(struct rule){ .target = TARGET_DROP, .match = &match }, IPV4, &kinds[kind]);
}

/* Whole microseconds in revisions 2 and 3; of what revision 1 can hold, all. */
START_TEST(every_rate_is_read_as_it_was_written)
{
	static const uint64_t seconds[] = { 1, 60, 3600, 86400 };

	for (unsigned int unit = 0; unit < 4; unit++)
		for (uint64_t count = 1; count <= 10000 * seconds[unit]; count += 1 + count / 500)
			one_rate(1000000 * seconds[unit] / count, _i);
}
END_TEST

START_TEST(a_rate_that_the_kernel_cannot_hold_is_refused)
{
	const struct limit_rate rate = { .period = 99, .burst = 1, .srcmask = 32 };
	const struct match match = { .above = &rate, .table_name = "x" };
	const struct rule rule = { .target = TARGET_DROP, .match = &match };
	struct error error = { "" };
	struct features none = kinds[0];

	none.hashlimit = -1;
	ck_assert_int_eq(entry_encode(buffer.bytes, &rule, &xt_families[IPV4], &kinds[2], &error),
			 -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(error.text, "10000/sec"));
	ck_assert_int_eq(entry_encode(buffer.bytes, &rule, &xt_families[IPV4], &none, &error),
			 -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(error.text, "xt_hashlimit"));
}
END_TEST

START_TEST(a_comment_is_cut_into_as_many_as_it_takes)
{
	static const size_t sizes[] = { 1, 254, 255, 256, 510, 511, 40000 };
	struct chain chain = { .name = "NOTRACK-dns-in" };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *comment = malloc(sizes[i] + 1);
		const struct match match = { .comment = comment };

		for (size_t j = 0; j < sizes[i]; j++)
			comment[j] = (char)random_from('a', 'z');
		comment[sizes[i]] = '\0';
		there_and_back(&(struct rule){ .target = TARGET_JUMP, .to = &chain,
					       .match = &match }, IPV6, &kinds[0]);
		free(comment);
	}
}
END_TEST

START_TEST(a_rule_that_is_too_long_is_refused_and_overruns_nothing)
{
	size_t size = 200000;
	char *comment = calloc(1, size + 1);
	const struct match match = { .comment = comment };
	const struct rule rule = { .target = TARGET_ACCEPT, .match = &match };
	struct error error = { "" };

	memset(comment, 'x', size);
	ck_assert_int_eq(entry_encode(buffer.bytes, &rule, &xt_families[IPV4], &kinds[0], &error), -EINVAL);
	ck_assert_str_ne(error.text, "");
	free(comment);
}
END_TEST

/* The entry is aligned, and its parts lie one after the other to its end. */
static void is_laid_out(const struct rule *rule, enum family family,
			const struct features *revisions)
{
	const struct xt_family *kernel = &xt_families[family];
	size_t offset = kernel->entry_size;

	encode(buffer.bytes, rule, family, revisions);
	while (offset < entry_target_offset(kernel, buffer.bytes)) {
		const struct xt_entry_match *match = (const void *)(buffer.bytes + offset);

		expect(match->u.match_size && match->u.match_size == XT_ALIGN(match->u.match_size),
		       "match %s: %u bytes", match->u.user.name, match->u.match_size);
		offset += match->u.match_size;
	}
	expect(offset == entry_target_offset(kernel, buffer.bytes), "matches end elsewhere");
	offset += entry_target(kernel, buffer.bytes)->u.target_size;
	expect(offset == entry_next(kernel, buffer.bytes), "the entry ends elsewhere");
	expect(offset == XT_ALIGN(offset), "%zu bytes", offset);
}

START_TEST(an_entry_is_laid_out_as_the_kernel_checks_it)
{
	each_model(MODELS / 4, _i, is_laid_out);
}
END_TEST

/* --- what is not ours ------------------------------------------------- */

/* The bytes of a match by which it says what it matches. */
static const struct said {
	const char *name;
	uint8_t revision;
	bool text;		/* counts to its end only */
	size_t offset, size;
} meanings[] = {
#define MEANS(match, number, type, member) \
	{ match, number, false, offsetof(type, member), sizeof(((type *)NULL)->member) }
	MEANS("udp", 0, struct xt_udp, spts),
	MEANS("udp", 0, struct xt_udp, dpts),
	MEANS("udp", 0, struct xt_udp, invflags),
	MEANS("tcp", 0, struct xt_tcp, spts),
	MEANS("tcp", 0, struct xt_tcp, dpts),
	MEANS("tcp", 0, struct xt_tcp, option),
	MEANS("tcp", 0, struct xt_tcp, flg_mask),
	MEANS("tcp", 0, struct xt_tcp, flg_cmp),
	MEANS("tcp", 0, struct xt_tcp, invflags),
	MEANS("multiport", 1, struct xt_multiport_v1, count),
	MEANS("multiport", 1, struct xt_multiport_v1, ports[0]),
	MEANS("multiport", 1, struct xt_multiport_v1, invert),
	MEANS("sctp", 0, struct xt_sctp_info, chunkmap),
	MEANS("sctp", 0, struct xt_sctp_info, chunk_match_type),
	MEANS("sctp", 0, struct xt_sctp_info, flag_count),
	MEANS("sctp", 0, struct xt_sctp_info, flags),
	MEANS("sctp", 0, struct xt_sctp_info, invflags),
	MEANS("icmp", 0, struct ipt_icmp, type),
	MEANS("icmp", 0, struct ipt_icmp, code),
	MEANS("icmp", 0, struct ipt_icmp, invflags),
	MEANS("icmp6", 0, struct ip6t_icmp, type),
	MEANS("icmp6", 0, struct ip6t_icmp, code),
	MEANS("icmp6", 0, struct ip6t_icmp, invflags),
	{ "comment", 0, true, 0, sizeof(struct xt_comment_info) },
#define HASHLIMIT_MEANS(number, type) \
	{ "hashlimit", number, true, offsetof(type, name), sizeof(((type *)NULL)->name) }, \
	MEANS("hashlimit", number, type, cfg.mode), \
	MEANS("hashlimit", number, type, cfg.avg), \
	MEANS("hashlimit", number, type, cfg.burst), \
	MEANS("hashlimit", number, type, cfg.size), \
	MEANS("hashlimit", number, type, cfg.max), \
	MEANS("hashlimit", number, type, cfg.gc_interval), \
	MEANS("hashlimit", number, type, cfg.expire), \
	MEANS("hashlimit", number, type, cfg.srcmask), \
	MEANS("hashlimit", number, type, cfg.dstmask)
	HASHLIMIT_MEANS(1, struct xt_hashlimit_mtinfo1),
	HASHLIMIT_MEANS(2, struct xt_hashlimit_mtinfo2),
	HASHLIMIT_MEANS(3, struct xt_hashlimit_mtinfo3),
};

/* With the @bits of that byte the other way round, the entry is another rule. */
static void flip_bits(const struct rule *rule, enum family family, size_t byte, int bits,
		      const char *label, const char *where)
{
	struct arena arena = { 0 };

	memcpy(again.bytes, buffer.bytes, entry_next(&xt_families[family], buffer.bytes));
	again.bytes[byte] = (char)(again.bytes[byte] ^ bits);
	if (is_the_same(rule, decode(again.bytes, label, family, &arena))) {
		rule_print(rule, "ours", family, stderr);
		ck_abort_msg("byte %zu of %s is not looked at", byte, where);
	}
	arena_free(&arena);
}

static void flip_each_bit(const struct rule *rule, enum family family, size_t byte,
			  const char *label, const char *where)
{
	for (int bit = 0; bit < 8; bit++)
		flip_bits(rule, family, byte, 1 << bit, label, where);
}

static void flip_match(const struct rule *rule, enum family family, const char *label,
		       size_t offset)
{
	const struct xt_entry_match *match = (const void *)(buffer.bytes + offset);
	size_t data = offset + offsetof(struct xt_entry_match, data);

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		const struct said *meaning = &meanings[i];
		size_t at = data + meaning->offset, size = meaning->size;

		if (strcmp(match->u.user.name, meaning->name) ||
		    match->u.user.revision != meaning->revision)
			continue;
		if (meaning->text)
			size = strnlen(buffer.bytes + at, size);
		if (size > 40)		/* of long ones, some: it takes its time */
			size = 40;
		for (size_t j = 0; j < size; j++)
			flip_each_bit(rule, family, at + j, label, meaning->name);
	}
}

/* A name that is matched as a whole; or as far as its mask goes. */
static void flip_interface(const struct rule *rule, enum family family, const char *label,
			   const char *name, size_t at)
{
	size_t size = strlen(name), mask = at + 2 * IFNAMSIZ;

	if (!size)
		return;
	for (size_t i = 0; i + 1 < size; i++)
		flip_each_bit(rule, family, at + i, label, "an interface");
	flip_bits(rule, family, mask + size - 2 + (size == 1), 0xff, label, "an interface's mask");
	if (name[size - 1] != '+')
		flip_bits(rule, family, mask + size, 0xff, label, "an interface's mask");
}

/* Addresses, their masks, interfaces, and the protocol. */
static void flip_header(const struct rule *rule, enum family family, const char *label)
{
	/* struct ip6t_ip6 has the same members up to the protocol */
	size_t bytes = family_bits(family) / 8, names = 4 * bytes;

	for (size_t i = 0; i < names; i++)
		flip_each_bit(rule, family, i, label, "addresses");
	if (rule->match) {
		flip_interface(rule, family, label, rule->match->in, names);
		flip_interface(rule, family, label, rule->match->out, names + IFNAMSIZ);
	}
	flip_each_bit(rule, family, names + 4 * IFNAMSIZ, label, "the protocol");
}

static void flip(const struct rule *rule, enum family family, const struct features *revisions)
{
	const struct xt_family *kernel = &xt_families[family];
	char label[XT_EXTENSION_MAXNAMELEN];
	size_t offset = kernel->entry_size;

	if (random_chance(90))		/* many rules are alike */
		return;
	encode(buffer.bytes, rule, family, revisions);
	take_label(buffer.bytes, family, label);
	flip_header(rule, family, label);
	while (offset < entry_target_offset(kernel, buffer.bytes)) {
		flip_match(rule, family, label, offset);
		offset += ((const struct xt_entry_match *)(buffer.bytes + offset))->u.match_size;
	}
}

START_TEST(no_bit_that_means_something_can_change_unnoticed)
{
	each_model(12, _i, flip);
}
END_TEST

/* Of a rule that is not ours, all bytes go back, but for its counters. */
static void is_kept(const struct rule *foreign, const char *entry, const char *label,
		    enum family family)
{
	const struct xt_family *kernel = &xt_families[family];
	size_t target = entry_target_offset(kernel, entry), counters = kernel->at.counters;
	static union {
		char bytes[ENTRY_MAX];
		max_align_t alignment;
	} back;
	const struct xt_entry_target *end = (const void *)(back.bytes + target);

	expect(foreign->match->foreign_size == entry_next(kernel, entry), "another size");
	encode(back.bytes, foreign, family, &kinds[0]);
	expect(!memcmp(back.bytes, entry, counters), "another header");
	counters += sizeof(struct xt_counters);
	expect(!memcmp(back.bytes + counters, entry + counters, target - counters), "other matches");
	expect(!strcmp(end->u.user.name, label), "another target: %s", end->u.user.name);
}

/* The sizes stay: with others, no entry gets past the kernel. */
static void scramble(char *bytes, enum family family)
{
	const struct xt_family *kernel = &xt_families[family];
	size_t offset = kernel->entry_size;
	unsigned int header = family_bits(family) / 2 + 4 * IFNAMSIZ;

	if (random_chance(20))
		bytes[random_below(header)] = (char)random_below(256);
	while (offset < entry_target_offset(kernel, bytes)) {
		struct xt_entry_match *match = (void *)(bytes + offset);
		unsigned int data = match->u.match_size - (unsigned int)sizeof(*match);
		unsigned int changes = random_chance(20) ? data : random_below(4);

		while (changes--)
			match->data[random_below(data)] = (unsigned char)random_below(256);
		if (random_chance(5))
			match->u.user.revision = (uint8_t)random_below(5);
		if (random_chance(5)) {		/* what follows a name is not part of it */
			memset(match->u.user.name, 0, sizeof(match->u.user.name));
			strcpy(match->u.user.name, random_chance(50) ? "length" : "hashlimit");
		}
		offset += match->u.match_size;
	}
}

/* What is taken for ours, is: it would be written as it was read. */
static void reads_sense(const struct rule *rule, enum family family,
			const struct features *revisions)
{
	char label[XT_EXTENSION_MAXNAMELEN], label_again[XT_EXTENSION_MAXNAMELEN];
	struct arena arena = { 0 };

	encode(buffer.bytes, rule, family, revisions);
	take_label(buffer.bytes, family, label);
	for (int i = 0; i < MUTATIONS; i++) {
		struct rule decoded, twice;

		memcpy(again.bytes, buffer.bytes, entry_next(&xt_families[family], buffer.bytes));
		scramble(again.bytes, family);
		decoded = decode(again.bytes, label, family, &arena);
		if (decoded.target == TARGET_FOREIGN) {
			is_kept(&decoded, again.bytes, label, family);
			continue;
		}
		if (decoded.match && decoded.match->comment && !*decoded.match->comment)
			continue;	/* written as none */
		encode(again.bytes, &decoded, family, revisions);
		take_label(again.bytes, family, label_again);
		twice = decode(again.bytes, label_again, family, &arena);
		if (is_the_same(&decoded, twice))
			continue;
		rule_print(&decoded, "once", family, stderr);
		rule_print(&twice, "\ntwice", family, stderr);
		ck_abort_msg("reads as one rule and then as another");
	}
	arena_free(&arena);
}

START_TEST(bytes_by_chance_are_kept_or_make_sense)
{
	each_model(MODELS / 10, _i, reads_sense);
}
END_TEST

/* --- entries as iptables would make them ------------------------------ */

/* -p udp -m udp --dport 53 -j ACCEPT, to be changed in one thing. */
static struct xt_entry_target *given_udp_accept(void)
{
	static const struct match match = { .protocol = IPPROTO_UDP,
					    .destination = { .count = 1, .range = { { 53, 53 } } } };
	const struct rule rule = { .target = TARGET_ACCEPT, .match = &match };

	encode(buffer.bytes, &rule, IPV4, &kinds[0]);
	return (void *)entry_target(&xt_families[IPV4], buffer.bytes);
}

static void expect_target(enum target target, const char *label)
{
	struct arena arena = { 0 };

	ck_assert_int_eq(decode(buffer.bytes, label, IPV4, &arena).target, target);
	arena_free(&arena);
}

START_TEST(an_inverted_match_is_not_ours)
{
	struct ipt_entry *entry = (void *)buffer.bytes;

	given_udp_accept();
	entry->ip.invflags = IPT_INV_SRCIP;
	expect_target(TARGET_FOREIGN, "ACCEPT");
	given_udp_accept();
	entry->ip.flags = IPT_F_FRAG;
	expect_target(TARGET_FOREIGN, "ACCEPT");
	given_udp_accept();
	expect_target(TARGET_ACCEPT, "ACCEPT");
}
END_TEST

START_TEST(a_mask_with_holes_is_not_ours)
{
	struct ipt_entry *entry = (void *)buffer.bytes;

	given_udp_accept();
	entry->ip.smsk.s_addr = htonl(0xff00ff00);
	expect_target(TARGET_FOREIGN, "ACCEPT");
	entry->ip.smsk.s_addr = htonl(0xffffff00);
	expect_target(TARGET_ACCEPT, "ACCEPT");
}
END_TEST

START_TEST(a_target_of_others_is_not_ours)
{
	struct xt_entry_target *target = given_udp_accept();

	strcpy(target->u.user.name, "TTL");
	expect_target(TARGET_FOREIGN, "TTL");
	given_udp_accept();
	set_standard(target, "QUEUE");
	expect_target(TARGET_FOREIGN, "QUEUE");
}
END_TEST

/* A block that ends where nobody may read on. */
static void *at_the_end(size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(pages, MAP_FAILED);
	ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
	return pages + page - size;
}

/* NOTRACK of the revision 0 is shorter than a verdict. */
START_TEST(a_target_without_data_is_read_to_its_end)
{
	const size_t head = sizeof(struct ipt_entry);
	const size_t size = head + XT_ALIGN(sizeof(struct xt_entry_target));
	struct ipt_entry *entry = at_the_end(size);
	struct xt_entry_target *target = (void *)((char *)entry + head);
	struct view view = { 0 };
	struct view_table *table = view_add_table(&view, WORLD_LEGACY, 1u << IPV4, "ip", "raw");
	struct view_chain *chain = view_add_chain(&view, table, "PREROUTING");

	entry->target_offset = (uint16_t)head;
	entry->next_offset = (uint16_t)size;
	strcpy(target->u.user.name, "NOTRACK");
	target->u.target_size = (uint16_t)(size - head);

	ck_assert_int_eq(legacy_view_entry(&view, chain, IPV4, entry, "", 0), 0);

	ck_assert_uint_eq(chain->rules->count, 1);
	ck_assert_int_eq(chain->rules->steps[0].kind, STEP_NOTRACK);
	view_free(&view);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, every_rule_of_ours_is_read_as_it_was_written, 0, KINDS);
	tcase_add_loop_test(tcase, every_rate_is_read_as_it_was_written, 0, KINDS);
	tcase_add_test(tcase, a_rate_that_the_kernel_cannot_hold_is_refused);
	tcase_add_test(tcase, a_comment_is_cut_into_as_many_as_it_takes);
	tcase_add_test(tcase, a_rule_that_is_too_long_is_refused_and_overruns_nothing);
	tcase_add_loop_test(tcase, an_entry_is_laid_out_as_the_kernel_checks_it, 0, KINDS);
	tcase_add_loop_test(tcase, no_bit_that_means_something_can_change_unnoticed, 0, KINDS);
	tcase_add_loop_test(tcase, bytes_by_chance_are_kept_or_make_sense, 0, KINDS);
	tcase_add_test(tcase, an_inverted_match_is_not_ours);
	tcase_add_test(tcase, a_mask_with_holes_is_not_ours);
	tcase_add_test(tcase, a_target_of_others_is_not_ours);
	tcase_add_test(tcase, a_target_without_data_is_read_to_its_end);
}

int main(void)
{
	return unit_main("entry", tests);
}
