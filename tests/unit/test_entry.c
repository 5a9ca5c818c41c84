/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as bytes and back, whatever the kernel's revisions; and bytes that are nobody's rules. */
#include <compile.h>
#include <context.h>
#include <entry.h>
#include <errno.h>
#include <layout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum { MODELS = 120, MUTATIONS = 40 };

static const struct revisions kinds[] = {
	{ .asked = true, .hashlimit = 3, .notrack = true, .ct = 2 },
	{ .asked = true, .hashlimit = 2, .notrack = false, .ct = 2 },
	{ .asked = true, .hashlimit = 1, .notrack = false, .ct = 1 },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static union {
	char bytes[ENTRY_MOST];
	max_align_t alignment;
} buffer, again;

static void encode(void *bytes, const struct rule *rule, enum family family,
		   const struct revisions *revisions)
{
	struct error error;

	memset(bytes, 0xa5, ENTRY_MOST);	/* whatever was there before */
	expect(!entry_encode(bytes, rule, &kernels[family], revisions, &error), "%s", error.text);
}

/* What the kernel does with the target's name of a jump or verdict. */
static const char *take_label(char *bytes, enum family family, char label[XT_EXTENSION_MAXNAMELEN])
{
	struct xt_entry_target *target = (void *)entry_target(&kernels[family], bytes);

	strcpy(label, target->u.user.name);
	if (target->u.user.target_size == XT_ALIGN(sizeof(struct xt_standard_target)))
		memset(target->u.user.name, 0, sizeof(target->u.user.name));
	return label;
}

static struct rule decode(const char *bytes, const char *label, enum family family,
			  struct arena *arena)
{
	struct rule rule;

	expect(!entry_decode(&rule, bytes, label, &kernels[family], arena), "out of memory");
	return rule;
}

/* The rule that counts what passed has no chain in its entry: see table.c. */
static bool is_the_same(const struct rule *rule, struct rule decoded)
{
	if (rule->target == TARGET_NONE || rule->target == TARGET_RETURN)
		decoded.chain = rule->chain;
	return rule_same(rule, &decoded);
}

/* --- there and back --------------------------------------------------- */

static void there_and_back(const struct rule *rule, enum family family,
			   const struct revisions *revisions)
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
		      void (*visit)(const struct rule *, enum family, const struct revisions *))
{
	for (size_t i = 0; i < rules->count; i++)
		for (size_t j = 0; j < rules->chains[i]->count; j++)
			visit(&rules->chains[i]->rules[j], family, &kinds[kind]);
}

/* Visits every rule of random models. */
static void each_model(int models, int kind,
		       void (*visit)(const struct rule *, enum family, const struct revisions *))
{
	while (models--) {
		struct notrack *nt = notrack_new();

		random_model(nt, 4, 40);
		for (enum family family = IPV4; family < FAMILIES; family++) {
			struct ruleset rules[TABLES] = { 0 };
			struct error error;

			expect(!compile(&nt->model.families[family], family, rules, &error), "%s",
			       error.text);
			for (int table = RAW; table < TABLES; table++) {
				each_rule(&rules[table], family, kind, visit);
				ruleset_free(&rules[table]);
			}
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
	struct revisions none = kinds[0];

	none.hashlimit = -1;
	ck_assert_int_eq(entry_encode(buffer.bytes, &rule, &kernels[IPV4], &kinds[2], &error),
			 -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(error.text, "10000/sec"));
	ck_assert_int_eq(entry_encode(buffer.bytes, &rule, &kernels[IPV4], &none, &error),
			 -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(error.text, "xt_hashlimit"));
}
END_TEST

START_TEST(a_comment_is_cut_into_as_many_as_it_takes)
{
	static const size_t sizes[] = { 1, 254, 255, 256, 510, 511, 40000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *comment = malloc(sizes[i] + 1);
		const struct match match = { .comment = comment };

		for (size_t j = 0; j < sizes[i]; j++)
			comment[j] = (char)random_from('a', 'z');
		comment[sizes[i]] = '\0';
		there_and_back(&(struct rule){ .target = TARGET_JUMP, .chain = "NOTRACK-dns-in",
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
	ck_assert_int_eq(entry_encode(buffer.bytes, &rule, &kernels[IPV4], &kinds[0], &error), -EINVAL);
	ck_assert_str_ne(error.text, "");
	free(comment);
}
END_TEST

/* The entry is aligned, and its parts lie one after the other to its end. */
static void is_laid_out(const struct rule *rule, enum family family,
			const struct revisions *revisions)
{
	const struct kernel *kernel = &kernels[family];
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

/* Bytes that mean nothing: alignment, after the end of a name, the kernel's own. */
static void ignore(bool *counts, size_t first, size_t size)
{
	memset(counts + first, false, size);
}

#define IGNORE(counts, at, type, member) \
	ignore(counts, (at) + offsetof(type, member), sizeof(((type *)NULL)->member))

/* After the byte that ends a text; the text and that byte count. */
static void ignore_after(bool *counts, const char *bytes, size_t at, size_t room)
{
	size_t used = strnlen(bytes + at, room) + 1;

	if (used < room)
		ignore(counts, at + used, room - used);
}

static void ignore_in_hashlimit(bool *counts, const char *bytes, size_t at, uint8_t revision)
{
	if (revision == 3) {
		ignore_after(counts, bytes, at, NAME_MAX);
		IGNORE(counts, at, struct xt_hashlimit_mtinfo3, hinfo);
		/* of byte and rate modes only */
		IGNORE(counts, at, struct xt_hashlimit_mtinfo3, cfg.interval);
		ignore(counts, at + NAME_MAX, offsetof(struct xt_hashlimit_mtinfo3, cfg) - NAME_MAX);
		/* what of a burst is past the least 32 bits no iptables can say */
		ignore(counts, at + offsetof(struct xt_hashlimit_mtinfo3, cfg.burst) + 4, 4);
		ignore(counts, at + offsetof(struct xt_hashlimit_mtinfo3, cfg.dstmask) + 1,
		       offsetof(struct xt_hashlimit_mtinfo3, hinfo) -
		       offsetof(struct xt_hashlimit_mtinfo3, cfg.dstmask) - 1);
	} else if (revision == 2) {
		ignore_after(counts, bytes, at, NAME_MAX);
		IGNORE(counts, at, struct xt_hashlimit_mtinfo2, hinfo);
		ignore(counts, at + NAME_MAX, offsetof(struct xt_hashlimit_mtinfo2, cfg) - NAME_MAX);
		ignore(counts, at + offsetof(struct xt_hashlimit_mtinfo2, cfg.burst) + 4, 4);
		ignore(counts, at + offsetof(struct xt_hashlimit_mtinfo2, cfg.dstmask) + 1,
		       offsetof(struct xt_hashlimit_mtinfo2, hinfo) -
		       offsetof(struct xt_hashlimit_mtinfo2, cfg.dstmask) - 1);
	} else {
		ignore_after(counts, bytes, at, IFNAMSIZ);
		IGNORE(counts, at, struct xt_hashlimit_mtinfo1, hinfo);
		ignore(counts, at + offsetof(struct xt_hashlimit_mtinfo1, cfg.dstmask) + 1,
		       offsetof(struct xt_hashlimit_mtinfo1, hinfo) -
		       offsetof(struct xt_hashlimit_mtinfo1, cfg.dstmask) - 1);
	}
}

static void ignore_in_multiport(bool *counts, const char *bytes, size_t at)
{
	const struct xt_multiport_v1 *multiport = (const void *)(bytes + at);

	for (size_t i = multiport->count; i < XT_MULTI_PORTS; i++) {
		ignore(counts, at + offsetof(struct xt_multiport_v1, ports) + 2 * i, 2);
		ignore(counts, at + offsetof(struct xt_multiport_v1, pflags) + i, 1);
	}
}
