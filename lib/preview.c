/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that look and do not touch: what a commit would change, and what it would make. */
#include <errno.h>

#include "rules/compile.h"
#include "rules/diff.h"
#include "transaction.h"

struct printer {
	FILE *out;
	enum family family;
	enum table_id id;
	struct notrack_changes changes;
};

static void print_line(struct printer *printer, char sign, const struct rule *rule,
		       const char *chain)
{
	fprintf(printer->out, "%c%s %s ", sign, printer->family == IPV6 ? "-6" : "-4",
		table_name(printer->id));
	rule_print(rule, chain, printer->family, printer->out);
	putc('\n', printer->out);
}

static int print_nothing(void *data, const struct chain *chain)
{
	(void)data, (void)chain;
	return 0;
}

static int print_added(void *data, const struct chain *chain, const struct rule *rule,
		       unsigned int position)
{
	(void)position;
	print_line(data, '+', rule, chain->name);
	return 0;
}

static int print_removed(void *data, const struct chain *chain, const struct rule *rule,
			 unsigned int position)
{
	(void)position;
	print_line(data, '-', rule, chain->name);
	return 0;
}

static int print_jump_added(void *data, const struct jump *jump)
{
	const struct rule rule = { .target = TARGET_JUMP, .chain = jump->target };

	print_line(data, '+', &rule, jump->chain);
	return 0;
}

static int print_jump_removed(void *data, const struct jump *jump)
{
	const struct rule rule = { .target = TARGET_JUMP, .chain = jump->target };

	print_line(data, '-', &rule, jump->chain);
	return 0;
}

static int print_flushed(void *data, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		print_line(data, '-', &chain->rules[i], chain->name);
	return 0;
}

static const struct edit_ops print_edit = {
	.add_chain = print_nothing,
	.add_rule = print_added,
	.remove_rule = print_removed,
	.add_jump = print_jump_added,
	.remove_jump = print_jump_removed,
	.flush_chain = print_flushed,
	.remove_chain = print_nothing,
};

static int diff_in_kernel(struct notrack *nt, void *data)
{
	struct printer *printer = data;
	struct transaction t;
	int err = transaction_begin(&t, nt);

	for (enum family f = IPV4; f < FAMILIES && !err; f++)
		for (enum table_id id = RAW; id < TABLES && !err; id++) {
			if (t.skip[f][id])
				continue;
			printer->family = f;
			printer->id = id;
			err = ruleset_edit(transaction_have(&t, f, id), &t.want[f][id],
					   printer->out ? &print_edit : NULL, printer,
					   &printer->changes);
		}
	if (err && !*nt->error.text)
		error_set(&nt->error, err, "out of memory");
	transaction_end(&t);
	return err;
}

int notrack_diff(struct notrack *nt, FILE *out, struct notrack_changes *changes)
{
	struct printer printer = { .out = out };
	int err;

	context_begin(nt);
	err = context_in_kernel(nt, diff_in_kernel, &printer);
	context_give_struct(changes, &printer.changes, sizeof(printer.changes));
	return err ? err : (int)(printer.changes.added + printer.changes.removed);
}

int notrack_print_rules(struct notrack *nt, FILE *out)
{
	int err = 0;

	context_begin(nt);
	for (enum family f = IPV4; f < FAMILIES && !err; f++) {
		struct ruleset want[TABLES] = { 0 };

		if (!context_has(nt, f) || !nt->model.families[f].count)
			continue;
		err = compile(&nt->model.families[f], f, want, &nt->error);
		if (!err)
			fprintf(out, "# %s: for %s-restore --noflush\n", xt_families[f].name,
				f == IPV6 ? "ip6tables-legacy" : "iptables-legacy");
		for (enum table_id id = RAW; id < TABLES; id++) {
			if (!err)
				ruleset_print(&want[id], id, f, out);
			ruleset_free(&want[id]);
		}
	}
	if (!err && ferror(out))
		err = error_set(&nt->error, -EIO, "the rules cannot be written");
	return err;
}
