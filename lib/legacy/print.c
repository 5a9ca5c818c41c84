/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as iptables-save prints them. */
#include "legacy/print.h"

#include <string.h>

#include "legacy/graft_edit.h"
#include "rules/diff.h"
#include "rules/view_words_condition.h"
#include "support/text.h"

const char *protocol_print_name(uint8_t protocol, char text[8])
{
	const char *name = protocol == IPPROTO_ICMPV6 ? "ipv6-icmp" : protocol_name(protocol);

	if (name)
		return name;
	snprintf(text, 8, "%u", protocol);
	return text;
}

/* " -i eth0"; a name may be anybody's. */
static void print_word(const char *option, const char *name, FILE *out)
{
	fprintf(out, " %s ", option);
	text_print_name(name, out);
}

static void print_address(const char *option, const struct prefix *prefix, FILE *out)
{
	char text[PREFIX_TEXT];

	if (prefix->length)
		fprintf(out, " %s %s", option, prefix_format(prefix, false, text));
}

static void print_ports(const char *option, const struct ports *ports, FILE *out)
{
	fputs(ports->inverted ? " !" : "", out);
	for (unsigned int i = 0; i < ports->count; i++) {
		fprintf(out, "%s%u", i ? "," : option, ports->range[i].first);
		if (ports->range[i].last != ports->range[i].first)
			fprintf(out, ":%u", ports->range[i].last);
	}
}

static void print_multiport(const struct match *match, FILE *out)
{
	if (ports_need_multiport(match->protocol, &match->source)) {
		fputs(" -m multiport", out);
		print_ports(" --sports ", &match->source, out);
	}
	if (ports_need_multiport(match->protocol, &match->destination)) {
		fputs(" -m multiport", out);
		print_ports(" --dports ", &match->destination, out);
	}
}

static void print_bits(const struct number_name *names, unsigned int bits, FILE *out)
{
	const char *between = "";

	for (; names->legacy; names++)
		if (bits & names->number) {
			fprintf(out, "%s%s", between, names->legacy);
			between = ",";
		}
}

static void print_flags(uint8_t flags, FILE *out)
{
	fputs(flags ? " " : " NONE", out);
	print_bits(tcp_flag_names, flags, out);
}

static void print_tcp_flags(const struct match *match, FILE *out)
{
	fputs(" --tcp-flags", out);
	print_flags(match->tcp_mask, out);
	print_flags(match->tcp_flags, out);
}

static void print_states(uint8_t states, FILE *out)
{
	if (states)
		fputs(" -m conntrack --ctstate ", out);
	print_bits(state_names, states, out);
}

static void print_local(const struct match *match, FILE *out)
{
	if (match->from_local || match->to_local)
		fprintf(out, " -m addrtype%s%s", match->from_local ? " --src-type LOCAL" : "",
			match->to_local ? " --dst-type LOCAL" : "");
}

static void print_transport(const struct match *match, FILE *out)
{
	char text[8];
	bool source = match->source.count &&
		      !ports_need_multiport(match->protocol, &match->source);
	bool destination = match->destination.count &&
			   !ports_need_multiport(match->protocol, &match->destination);

	if (!source && !destination && !match->syn && !match->tcp_mask)
		return;
	fprintf(out, " -m %s", protocol_print_name(match->protocol, text));
	if (source)
		print_ports(" --sport ", &match->source, out);
	if (destination)
		print_ports(" --dport ", &match->destination, out);
	if (match->syn)		/* --syn, in iptables-save's words */
		fprintf(out, "%s --tcp-flags FIN,SYN,RST,ACK SYN%s",
			match->syn == SYN_ONLY ? "" : " !", match->syn == SYN_ACK_NOT ? ",ACK" : "");
	else if (match->tcp_mask)
		print_tcp_flags(match, out);
}

static void print_icmp(const struct match *match, FILE *out)
{
	if (match->protocol == IPPROTO_ICMP)
		fprintf(out, " -m icmp --icmp-type %u", match->icmp_type);
	else
		fprintf(out, " -m icmp6 --icmpv6-type %u", match->icmp_type);
}

static void print_above(const struct match *match, enum family family, FILE *out)
{
	const struct limit_rate *rate = match->above;
	char above[LIMIT_ABOVE_TEXT];

	limit_format_above(rate->period, above);
	fprintf(out, " -m hashlimit --hashlimit-above %s --hashlimit-burst %u"
		" --hashlimit-mode srcip", above, rate->burst);
	print_word("--hashlimit-name", match->table_name, out);
	if (rate->htable_size)
		fprintf(out, " --hashlimit-htable-size %u", rate->htable_size);
	if (rate->htable_max)
		fprintf(out, " --hashlimit-htable-max %u", rate->htable_max);
	if (rate->htable_expire_ms != limit_default_expire_ms(rate->period, 1))
		fprintf(out, " --hashlimit-htable-expire %u", rate->htable_expire_ms);
	if (rate->srcmask != family_bits(family))
		fprintf(out, " --hashlimit-srcmask %u", rate->srcmask);
}

static void print_comment(const char *comment, FILE *out)
{
	size_t left = strlen(comment);

	while (left) {
		size_t piece = left < COMMENT_MAX ? left : COMMENT_MAX;

		fputs(" -m comment --comment ", out);
		text_print_string(comment, piece, out);
		comment += piece;
		left -= piece;
	}
}

static void print_matches(const struct match *match, enum family family, FILE *out)
{
	print_states(match->states, out);
	print_local(match, out);
	print_multiport(match, out);
	print_transport(match, out);
	if (match->sctp_init || match->sctp_not_init)
		fprintf(out, " -m sctp%s --chunk-types any INIT", match->sctp_not_init ? " !" : "");
	if (match->icmp)
		print_icmp(match, out);
	if (match->above)
		print_above(match, family, out);
	if (match->comment)
		print_comment(match->comment, out);
}

void match_print_rest(const struct match *match, uint8_t protocol, enum family family, FILE *out)
{
	struct match asked = *match;

	asked.protocol = protocol;
	print_matches(&asked, family, out);
}

static void print_match(const struct match *match, enum family family, FILE *out)
{
	char text[8];

	if (*match->in)
		print_word("-i", match->in, out);
	if (*match->out)
		print_word("-o", match->out, out);
	if (match->protocol)
		fprintf(out, " -p %s", protocol_print_name(match->protocol, text));
	print_matches(match, family, out);
}

static void print_target(const struct rule *rule, FILE *out)
{
	static const char *const verdicts[] = {
		[TARGET_ACCEPT] = "ACCEPT", [TARGET_DROP] = "DROP",
		[TARGET_RETURN] = "RETURN", [TARGET_NOTRACK] = "NOTRACK",
	};

	if (rule->target == TARGET_JUMP)
		print_word("-j", rule->to->name, out);
	else if (rule->target == TARGET_GOTO)
		print_word("-g", rule->to->name, out);
	else if (rule->target != TARGET_NONE)
		fprintf(out, " -j %s", verdicts[rule->target]);
}

void rule_print(const struct rule *rule, const char *chain, enum family family, FILE *out)
{
	fputs("-A ", out);
	text_print_name(chain, out);
	if (rule->target == TARGET_FOREIGN) {
		entry_print(rule->match->foreign, 0, &xt_families[family], out);
		return;
	}
	if (rule->target == TARGET_LIMITS) {
		fputs(" (the limits of clients)", out);
		return;
	}
	print_address("-s", &rule->source, out);
	if (rule->match) {
		print_address("-d", &rule->match->to, out);
		print_match(rule->match, family, out);
	}
	print_target(rule, out);
}

/* Of filter, what accepts comes behind the host's rules. */
static bool comes_first(enum table_id table, const struct chain *chain)
{
	return table == RAW || !strcmp(chain->name, CHAIN_LIMITS);
}

void ruleset_print(const struct ruleset *rules, enum table_id table, enum family family,
		   FILE *out)
{
	fprintf(out, "*%s\n", table_name(table));
	for (size_t i = 0; i < rules->count; i++)
		fprintf(out, ":%s - [0:0]\n", rules->chains[i]->name);
	for (size_t i = 0; i < rules->jump_count; i++)
		fprintf(out, "%s %s -j %s\n", comes_first(table, rules->jumps[i].to) ? "-I" : "-A",
			rules->jumps[i].chain, rules->jumps[i].to->name);
	for (size_t i = 0; i < rules->count; i++) {
		const struct chain *chain = rules->chains[i];

		for (size_t j = 0; j < chain->count; j++) {
			rule_print(&chain->rules[j], chain->name, family, out);
			putc('\n', out);
		}
	}
	fputs("COMMIT\n", out);
}

/* --- lines ------------------------------------------------------------ */

struct printer {
	FILE *out;
	enum family family;
	const char *table;
};

/* The sign of a rule that comes or goes; of others there is none. */
static void print_where(const struct printer *printer, char sign)
{
	if (sign)
		putc(sign, printer->out);
	fprintf(printer->out, "%s %s ", printer->family == IPV6 ? "-6" : "-4", printer->table);
}

static void print_line(const struct printer *printer, char sign, const struct rule *rule,
		       const char *chain)
{
	print_where(printer, sign);
	rule_print(rule, chain, printer->family, printer->out);
	putc('\n', printer->out);
}

static void graft_print(char sign, const struct printer *printer, const struct grafted_chain *chain,
			const struct grafted_rule *rule)
{
	print_where(printer, sign);
	fputs("-A ", printer->out);
	text_print_name(chain->name, printer->out);
	entry_print(rule->entry, rule->number, &xt_families[printer->family], printer->out);
	putc('\n', printer->out);
}

/* --- edits ------------------------------------------------------------ */

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
	const struct rule rule = { .target = TARGET_JUMP, .to = jump->to };

	print_line(data, '+', &rule, jump->chain);
	return 0;
}

static int print_jump_removed(void *data, const struct jump *jump)
{
	const struct rule rule = { .target = TARGET_JUMP, .to = jump->to };

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

static int print_graft_added(void *data, const struct grafted_chain *chain,
			     const struct grafted_rule *want, const struct grafted_rule *at)
{
	(void)at;
	graft_print('+', data, chain, want);
	return 0;
}

static int print_graft_removed(void *data, const struct grafted_chain *chain,
			       const struct grafted_rule *have)
{
	graft_print('-', data, chain, have);
	return 0;
}

int ruleset_print_edit(const struct ruleset *have, const struct ruleset *want,
		       const char *table, enum family family, FILE *out,
		       struct notrack_changes *changes)
{
	static const struct grafted_ops print_grafts = {
		.add = print_graft_added, .remove = print_graft_removed,
	};
	struct printer printer = { out, family, table };
	int err = ruleset_edit(have, want, out ? &print_edit : NULL, &printer, changes);

	if (err || !want->grafted)
		return err;
	return grafted_compare(have->grafted, want->grafted, &xt_families[family],
			       out ? &print_grafts : NULL, &printer, changes);
}

/* --- what stands beside ------------------------------------------------- */

void ruleset_print_beside(const struct ruleset *have, const struct ruleset *printed,
			  const char *table, enum family family, FILE *out)
{
	const struct printer printer = { out, family, table };
	const struct grafted_chain *host = have->grafted ? have->grafted->chains : NULL;

	for (; host; host = host->next)
		for (size_t i = 0; i < host->count; i++)
			if (host->rules[i].twin || !host->rules[i].to ||
			    !ruleset_find(printed, host->rules[i].to))
				graft_print('\0', &printer, host, &host->rules[i]);
	for (size_t i = 0; i < have->count; i++)
		for (size_t j = 0; j < have->chains[i]->count &&
		     !ruleset_find(printed, have->chains[i]->name); j++)
			print_line(&printer, '\0', &have->chains[i]->rules[j], have->chains[i]->name);
}
