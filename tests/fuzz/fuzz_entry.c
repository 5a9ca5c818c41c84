/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry of a legacy table that the kernel would take, whoever made it. */
#include "fuzz.h"
#include "kernel_takes.h"

#include "legacy/entry.h"
#include "legacy/print.h"
#include "legacy/view.h"

static void decode(const struct xt_family *family, const void *entry, const char *label)
{
	static FILE *out;
	struct arena arena = { 0 };
	struct rule rule;

	if (!out)
		out = fopen("/dev/null", "w");
	promise(out && !entry_decode(&rule, entry, label, NULL, family, &arena));
	rule_print(&rule, "NOTRACK-INPUT", family->family, out);
	if (rule.match && rule.match->foreign)
		entry_print(rule.match->foreign, 0, family, out);
	arena_free(&arena);
}

static void view(const struct xt_family *family, const void *entry, const char *label)
{
	struct view view = { 0 };
	struct view_table *table = view_add_table(&view, WORLD_LEGACY, 1u << family->family, "ip",
						  "filter");
	struct view_chain *chain = table ? view_add_chain(&view, table, "INPUT") : NULL;

	promise(chain && !legacy_view_entry(&view, chain, family->family, entry, label, 0));
	view_free(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const labels[] = { "", "ACCEPT", "DROP", "RETURN" };
	const struct xt_family *family;
	void *entry;

	if (!size)
		return 0;
	family = &xt_families[data[0] & 1];
	entry = fuzz_copy(data + 1, size - 1);
	if (kernel_takes(family, entry, size - 1)) {
		decode(family, entry, labels[data[0] >> 1 & 3]);
		view(family, entry, labels[data[0] >> 1 & 3]);
		entry_normalise(entry, family);
		entry_forget(entry, family);
	}
	free(entry);
	return 0;
}
