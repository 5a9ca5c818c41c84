/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view_words.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct {
	const char *name;
	uint32_t bit;
} states[] = {
	{ "NEW", CT_NEW }, { "ESTABLISHED", CT_ESTABLISHED }, { "RELATED", CT_RELATED },
	{ "INVALID", CT_INVALID }, { "UNTRACKED", CT_UNTRACKED },
};
static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "udp", IPPROTO_UDP }, { "tcp", IPPROTO_TCP }, { "icmp", IPPROTO_ICMP },
	{ "icmp6", IPPROTO_ICMPV6 },
};
static const struct {
	const char *name;
	enum step_kind kind;
} verdicts[] = {
	{ "ACCEPT", STEP_ACCEPT }, { "DROP", STEP_DROP }, { "REJECT", STEP_REJECT },
	{ "RETURN", STEP_RETURN }, { "LOG", STEP_COUNT }, { "MARK", STEP_MARK },
	{ "CONNMARK", STEP_RESTORE_MARK }, { "UNKNOWN", STEP_ANYTHING }, { "QUEUE", STEP_QUEUE },
	{ "NOTRACK", STEP_NOTRACK }, { "SYNPROXY", STEP_SYNPROXY },
};
static const struct {
	const char *name;
	enum field field;
} ports[] = {
	{ "--sport", FIELD_SOURCE_PORT }, { "--dport", FIELD_DESTINATION_PORT },
	{ "--port", FIELD_EITHER_PORT },
};
static const char *const hook_names[HOOKS] = {
	"", "prerouting", "input", "forward", "output", "postrouting",
};
static const struct {
	const char *name, *chains;
	int priority, late;
} legacy[] = {
	{ "raw", "", -300, -300 }, { "mangle", "", -150, -150 }, { "nat", "", -100, 100 },
	{ "filter", "", 0, 0 }, { "security", "", 50, 50 },
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- reading: conditions ---------------------------------------------- */

struct reader {
	struct view *view;
	struct view_table *table;
	struct view_chain *chain;
	char *words;			/* what is left of the line */
	bool inverted;			/* the next condition */
	uint64_t handle;
};

static char *next_word(struct reader *reader)
{
	char *word;

	do
		word = strsep(&reader->words, " \t");
	while (word && !*word);
	return word;
}

static char *need_word(struct reader *reader, const char *behind)
{
	char *word = next_word(reader);

	expect(word, "%s needs a word behind it", behind);
	return word;
}

static void invert(struct reader *reader, struct step *step)
{
	expect(step, "out of memory");
	if (reader->inverted)
		step->flags ^= STEP_INVERTED;
	reader->inverted = false;
}

static void read_states(struct reader *reader)
{
	char *words = need_word(reader, "--ctstate"), *word;
	uint32_t bits = 0;

	while ((word = strsep(&words, ",")))
		for (size_t i = 0; i < COUNT(states); i++)
			bits |= strcmp(word, states[i].name) ? 0 : states[i].bit;
	invert(reader, view_add_states(reader->view, bits));
}

static void read_ports(struct reader *reader, enum field field)
{
	char *words = need_word(reader, "ports"), *word;
	struct range ranges[16];
	size_t count = 0;

	while ((word = strsep(&words, ","))) {
		char *colon = strchr(word, ':');

		ranges[count].first = (uint32_t)strtoul(word, NULL, 10);
		ranges[count].last = (uint32_t)strtoul(colon ? colon + 1 : word, NULL, 10);
		count++;
	}
	invert(reader, count == 1 ? view_add_number(reader->view, field, ranges[0].first,
						    ranges[0].last) :
				    view_add_numbers(reader->view, field, ranges, count));
}

static void read_address(struct reader *reader, enum field field)
{
	char *word = need_word(reader, "address"), *slash = strchr(word, '/');
	struct step *step = view_add_step(reader->view, STEP_PREFIX);
	bool ipv6 = strchr(word, ':');

	if (slash)
		*slash = '\0';
	step->field = (uint8_t)field;
	step->length = (uint8_t)(slash ? atoi(slash + 1) : ipv6 ? 128 : 32);
	expect(inet_pton(ipv6 ? AF_INET6 : AF_INET, word, step->address) == 1, "%s?", word);
	invert(reader, step);
}

static void read_interface(struct reader *reader, enum field field)
{
	const char *word = need_word(reader, "interface");
	struct step *step = view_add_step(reader->view, STEP_INTERFACE);
	size_t size = strlen(word);

	step->field = (uint8_t)field;
	memcpy(step->name, word, size);
	step->length = (uint8_t)(word[size - 1] == '+' ? size - 1 : size + 1);
	invert(reader, step);
}

static void read_number(struct reader *reader, enum field field, uint32_t value, uint32_t mask)
{
	struct step *step = view_add_number(reader->view, field, value, value);

	step->mask = mask;
	invert(reader, step);
}

static void read_protocol(struct reader *reader)
{
	const char *word = need_word(reader, "-p");

	for (size_t i = 0; i < COUNT(protocols); i++)
		if (!strcmp(word, protocols[i].name))
			read_number(reader, FIELD_PROTOCOL, protocols[i].number, UINT32_MAX);
}

static void read_memory(struct reader *reader, enum step_kind kind, enum field field, uint8_t flags)
{
	struct step *step = view_add_step(reader->view, kind);

	step->flags = STEP_REMEMBERS | flags;
	step->field = (uint8_t)field;
	invert(reader, step);
}

static void read_flags(struct reader *reader)
{
	uint32_t mask = (uint32_t)strtoul(need_word(reader, "--tcp-flags"), NULL, 0);

	read_number(reader, FIELD_TCP_FLAGS, (uint32_t)strtoul(need_word(reader, "mask"), NULL, 0),
		    mask);
}

/* Whether the word was one that stands alone. */
static bool read_plain(struct reader *reader, const char *word)
{
	if (!strcmp(word, "--syn"))
		read_number(reader, FIELD_TCP_FLAGS, 0x02, 0x17);
	else if (!strcmp(word, "--src-local"))
		read_number(reader, FIELD_SOURCE_TYPE, RTN_LOCAL, UINT32_MAX);
	else if (!strcmp(word, "--dst-local"))
		read_number(reader, FIELD_DESTINATION_TYPE, RTN_LOCAL, UINT32_MAX);
	else if (!strcmp(word, "--limit"))
		read_memory(reader, STEP_WITHIN_RATE, FIELD_FAMILY, STEP_RULES_OWN);
	else if (!strcmp(word, "--connlimit"))
		read_memory(reader, STEP_WITHIN_RATE, FIELD_CT_OTHER, 0);
	else if (!strcmp(word, "--recent-update"))
		read_memory(reader, STEP_REMEMBERED, FIELD_FAMILY, 0);
	else if (!strcmp(word, "--recent-set"))
		read_memory(reader, STEP_COUNT, FIELD_FAMILY, 0);
	else if (!strcmp(word, "--unknown"))
		view_add_unknown(reader->view, STEP_UNKNOWN, "unknown");
	else
		return false;
	return true;
}

static void read_verdict(struct reader *reader, bool go)
{
	const char *word = need_word(reader, "-j");
	struct view_chain *chain = view_find_chain(reader->view, reader->table, word);
	struct step *step;

	for (size_t i = 0; i < COUNT(verdicts) && !chain; i++)
		if (!strcmp(word, verdicts[i].name)) {
			step = view_add_unknown(reader->view, verdicts[i].kind, NULL);
			if (verdicts[i].kind == STEP_MARK)
				*step = (struct step){ .kind = STEP_MARK, .mask = 1, .value = 1 };
			if (verdicts[i].kind == STEP_ANYTHING)
				step->text = "UNKNOWN";
			return;
		}
	expect(chain, "%s: neither a verdict nor a chain", word);
	view_add_step(reader->view, go ? STEP_GOTO : STEP_JUMP)->chain = chain;
}

/* --- reading: sets and maps ------------------------------------------- */

static const struct {
	const char *name;
	enum field field;
} key_fields[] = {
	{ "state", FIELD_STATE }, { "proto", FIELD_PROTOCOL }, { "dport", FIELD_DESTINATION_PORT },
	{ "in", FIELD_IN },
};

static void read_key_value(struct key_range *range, uint8_t field, const char *word)
{
	uint32_t number = (uint32_t)strtoul(word, NULL, 10);

	if (field == FIELD_IN) {
		strcpy(range->name, word);
		range->length = (uint8_t)(strlen(word) + 1);
		return;
	}
	for (size_t i = 0; i < COUNT(states) && field == FIELD_STATE; i++)
		if (!strcmp(word, states[i].name))
			number = states[i].bit;
	for (size_t i = 0; i < COUNT(protocols) && field == FIELD_PROTOCOL; i++)
		if (!strcmp(word, protocols[i].name))
			number = protocols[i].number;
	range->numbers = (struct range){ number, number };
}

static void read_element_verdict(struct reader *reader, struct set_element *element,
				 const char *word)
{
	struct view_chain *chain = view_find_chain(reader->view, reader->table, word);

	for (size_t i = 0; i < COUNT(verdicts) && !chain; i++)
		if (!strcmp(word, verdicts[i].name))
			element->verdict = (uint8_t)verdicts[i].kind;
	if (chain) {
		element->verdict = STEP_JUMP;
		element->chain = chain;
	}
	expect(element->verdict, "%s: no verdict of an element", word);
}

static void read_lookup(struct reader *reader, enum step_kind kind)
{
	struct view_lookup *lookup = arena_alloc(&reader->view->arena, sizeof(*lookup));
	char *fields = need_word(reader, "--lookup"), *elements = need_word(reader, fields), *word;
	struct step *step = view_add_step(reader->view, kind);

	step->lookup = lookup;
	lookup->table = reader->table;
	lookup->read = true;
	while ((word = strsep(&fields, ".")))
		for (size_t i = 0; i < COUNT(key_fields); i++)
			if (!strcmp(word, key_fields[i].name))
				lookup->fields[lookup->field_count++] = (struct key_field){
					.field = (uint8_t)key_fields[i].field, .size = 4,
					.mask = UINT32_MAX };
	lookup->elements = arena_alloc(&reader->view->arena, 32 * element_size(lookup));
	while ((word = strsep(&elements, ","))) {
		struct set_element *element = element_at(lookup, lookup->count++);
		char *verdict = strchr(word, '='), *value;

		if (verdict)
			*verdict++ = '\0';
		for (size_t i = 0; (value = strsep(&word, ".")); i++)
			read_key_value(&element->ranges[i], lookup->fields[i].field, value);
		if (kind == STEP_MAP)
			read_element_verdict(reader, element, verdict);
	}
	invert(reader, step);
}

static void read_word(struct reader *reader, const char *word)
{
	for (size_t i = 0; i < COUNT(ports); i++)
		if (!strcmp(word, ports[i].name)) {
			read_ports(reader, ports[i].field);
			return;
		}
	if (!strcmp(word, "!"))
		reader->inverted = true;
	else if (!strcmp(word, "-p"))
		read_protocol(reader);
	else if (!strcmp(word, "-s") || !strcmp(word, "-d"))
		read_address(reader, word[1] == 's' ? FIELD_SOURCE : FIELD_DESTINATION);
	else if (!strcmp(word, "-i") || !strcmp(word, "-o"))
		read_interface(reader, word[1] == 'i' ? FIELD_IN : FIELD_OUT);
	else if (!strcmp(word, "--ctstate"))
		read_states(reader);
	else if (!strcmp(word, "--tcp-flags"))
		read_flags(reader);
	else if (!strcmp(word, "--icmp"))
		read_number(reader, FIELD_ICMP_TYPE, (uint32_t)atoi(need_word(reader, word)), UINT32_MAX);
	else if (!strcmp(word, "--mark"))
		read_number(reader, FIELD_MARK, (uint32_t)atoi(need_word(reader, word)), UINT32_MAX);
	else if (!strcmp(word, "--family"))
		read_number(reader, FIELD_FAMILY, *need_word(reader, word) == '6' ? AF_INET6 : AF_INET,
			    UINT32_MAX);
	else if (!strcmp(word, "--ctdir"))
		read_number(reader, FIELD_CT_DIRECTION, *need_word(reader, word) == 'R', UINT32_MAX);
	else if (!strcmp(word, "--ctstatus")) {
		need_word(reader, word);
		reader->inverted = !reader->inverted;
		read_number(reader, FIELD_CT_STATUS, 0, IPS_SEEN_REPLY);
	} else if (!strcmp(word, "--lookup") || !strcmp(word, "--map")) {
		read_lookup(reader, word[2] == 'l' ? STEP_LOOKUP : STEP_MAP);
	} else if (!strcmp(word, "-j") || !strcmp(word, "-g"))
		read_verdict(reader, word[1] == 'g');
	else
		expect(read_plain(reader, word), "%s: not a word of a rule", word);
}

/* --- reading: tables and chains --------------------------------------- */

static void read_table(struct reader *reader, char *line)
{
	static const char *const families[] = { "ip", "ip6", "inet" };
	char *name = strsep(&line, " "), *family;
	size_t size = strlen(name);
	bool ipv6 = name[size - 1] == '6';

	if (strcmp(name, "nft")) {
		name[size - ipv6] = '\0';
		reader->table = view_add_table(reader->view, WORLD_LEGACY, 1u << (ipv6 ? IPV6 : IPV4),
					       families[ipv6], name);
		return;
	}
	family = strsep(&line, " ");
	for (unsigned int i = 0; i < COUNT(families); i++)
		if (!strcmp(family, families[i]))
			reader->table = view_add_table(reader->view, WORLD_NFT, i + 1, families[i],
						       line);
}

static void read_chain(struct reader *reader, char *line)
{
	const bool is_legacy = reader->table->world == WORLD_LEGACY;
	char *name = strsep(&line, " "), *hook = is_legacy ? name : strsep(&line, " ");
	struct view_chain *chain = view_add_chain(reader->view, reader->table, name);
	int priority = 0;

	for (unsigned int i = 1; hook && i < HOOKS; i++) {
		if (strcasecmp(hook, hook_names[i]))
			continue;
		for (size_t j = 0; is_legacy && j < COUNT(legacy); j++)
			if (!strcmp(reader->table->name, legacy[j].name))
				priority = i == HOOK_INPUT || i == HOOK_POSTROUTING ? legacy[j].late :
										      legacy[j].priority;
		if (!is_legacy)
			priority = atoi(strsep(&line, " "));
		chain->type = !strcmp(reader->table->name, "nat") ? CHAIN_NAT : CHAIN_FILTER;
		chain->drops = line && !strncmp(line, "DROP", 4);
		view_set_hook(reader->view, chain, (enum hook)i, priority);
	}
}

static void read_rule(struct reader *reader, char *line)
{
	char *word;

	reader->words = line;
	reader->chain = view_find_chain(reader->view, reader->table, need_word(reader, "-A"));
	expect(reader->chain, "%s: no such chain", line);
	while ((word = next_word(reader)))
		read_word(reader, word);
	expect(view_end_rule(reader->view, reader->chain, ++reader->handle), "out of memory");
}

/* Chains first: rules lead to those that are declared later. */
static void read_lines(struct view *view, const char *text, bool rules)
{
	struct reader reader = { .view = view };
	char *copy = strdup(text), *left = copy, *line;

	while ((line = strsep(&left, "\n"))) {
		if (*line == '*' && !rules)
			read_table(&reader, line + 1);
		else if (*line == '*')
			reader.table = reader.table ? reader.table->next : view->tables;
		else if (*line == ':' && !rules)
			read_chain(&reader, line + 1);
		else if (*line == '-' && rules)
			read_rule(&reader, line + strlen("-A"));
	}
	free(copy);
}

void view_read(struct view *view, const char *text)
{
	expect(!view->tables, "one text a view");
	read_lines(view, text, false);
	read_lines(view, text, true);
	expect(!view_reach(view), "out of memory");
}

/* --- writing ---------------------------------------------------------- */

static void write_states(FILE *out, uint32_t bits)
{
	const char *separator = " --ctstate ";

	for (size_t i = 0; i < COUNT(states); i++)
		if (bits & states[i].bit) {
			fprintf(out, "%s%s", separator, states[i].name);
			separator = ",";
		}
}

static void write_ranges(FILE *out, const struct step *step)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	size_t count = step->kind == STEP_NUMBER ? 1 : step->count;

	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%c%u", i ? ',' : ' ', ranges[i].first);
		if (ranges[i].last != ranges[i].first)
			fprintf(out, ":%u", ranges[i].last);
	}
}

static void write_number(FILE *out, const struct step *step)
{
	uint32_t value = step->kind == STEP_NUMBER ? step->range.first : 0;

	switch (step->field) {
	case FIELD_PROTOCOL:
		for (size_t i = 0; i < COUNT(protocols); i++)
			if (protocols[i].number == value)
				fprintf(out, " -p %s", protocols[i].name);
		break;
	case FIELD_SOURCE_PORT:
	case FIELD_DESTINATION_PORT:
	case FIELD_EITHER_PORT:
		for (size_t i = 0; i < COUNT(ports); i++)
			if (ports[i].field == step->field)
				fprintf(out, " %s", ports[i].name);
		write_ranges(out, step);
		break;
	case FIELD_TCP_FLAGS:
		if (value == 0x02 && step->mask == 0x17)
			fprintf(out, " --syn");
		else
			fprintf(out, " --tcp-flags 0x%02x 0x%02x", step->mask, value);
		break;
	case FIELD_ICMP_TYPE:
		fprintf(out, " --icmp %u", value);
		break;
	case FIELD_MARK:
		fprintf(out, " --mark %u", value);
		break;
	case FIELD_SOURCE_TYPE:
		fprintf(out, " --src-local");
		break;
	case FIELD_DESTINATION_TYPE:
		fprintf(out, " --dst-local");
		break;
	case FIELD_FAMILY:
		fprintf(out, " --family %u", value == AF_INET6 ? 6 : 4);
		break;
	case FIELD_CT_DIRECTION:
		fprintf(out, " --ctdir %s", value ? "REPLY" : "ORIGINAL");
		break;
	case FIELD_CT_STATUS:
		fprintf(out, " --ctstatus SEEN_REPLY");
		break;
	default:
		fprintf(out, " field %u", step->field);
	}
}

static void write_address(FILE *out, const struct step *step, const struct view_table *table)
{
	bool ipv6 = table->families == 1u << IPV6;
	char text[INET6_ADDRSTRLEN];

	for (int i = 4; i < 16 && !ipv6; i++)
		ipv6 = step->address[i] || step->length > 32;
	inet_ntop(ipv6 ? AF_INET6 : AF_INET, step->address, text, sizeof(text));
	fprintf(out, " -%c %s/%u", step->field == FIELD_SOURCE ? 's' : 'd', text, step->length);
}

static void write_condition(FILE *out, const struct step *step, const struct view_table *table)
{
	bool inverted = step->flags & STEP_INVERTED;

	if (step->field == FIELD_STATE || step->field == FIELD_CT_STATUS)
		inverted = !inverted;
	if (inverted)
		fprintf(out, " !");
	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		if (step->field == FIELD_STATE)
			write_states(out, step->mask);
		else
			write_number(out, step);
		break;
	case STEP_PREFIX:
		write_address(out, step, table);
		break;
	case STEP_INTERFACE:
		fprintf(out, " -%c %.*s%s", step->field == FIELD_IN ? 'i' : 'o', step->length,
			step->name, step->name[step->length - 1] ? "+" : "");
		break;
	case STEP_WITHIN_RATE:
		fprintf(out, step->field == FIELD_CT_OTHER ? " --connlimit" : " --limit");
		break;
	case STEP_REMEMBERED:
		fprintf(out, " --recent-update");
		break;
	case STEP_LOOKUP:
		fprintf(out, " --lookup");
		break;
	default:
		fprintf(out, " --unknown");
	}
}

static void write_step(FILE *out, const struct step *step, const struct view_table *table)
{
	if (step_is_condition(step)) {
		write_condition(out, step, table);
	} else if (step->kind == STEP_JUMP || step->kind == STEP_GOTO) {
		fprintf(out, " -%c %s", step->kind == STEP_JUMP ? 'j' : 'g', step->chain->name);
	} else if (step->kind == STEP_MAP) {
		fprintf(out, " --map");
	} else if (step->kind == STEP_COUNT && step->flags & STEP_REMEMBERS) {
		fprintf(out, " --recent-set");
	} else {
		for (size_t i = 0; i < COUNT(verdicts); i++)
			if (verdicts[i].kind == step->kind)
				fprintf(out, " -j %s", verdicts[i].name);
	}
}

char *view_write(const struct view *view, const char *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (const struct view_table *at = view->tables; at; at = at->next)
		for (const struct view_chain *chain = at->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
				if (table && strcmp(at->name, table))
					continue;
				fprintf(out, "-A %s", chain->name);
				for (size_t i = 0; i < rule->count; i++)
					write_step(out, &rule->steps[i], at);
				fprintf(out, "\n");
			}
	fclose(out);
	return text;
}
