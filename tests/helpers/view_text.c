/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fields[FIELDS] = {
	[FIELD_FAMILY] = "family", [FIELD_ETHER_TYPE] = "ether-type",
	[FIELD_PROTOCOL] = "protocol", [FIELD_NEXT_HEADER] = "next-header", [FIELD_SOURCE] = "source",
	[FIELD_DESTINATION] = "destination", [FIELD_SOURCE_PORT] = "source-port",
	[FIELD_DESTINATION_PORT] = "destination-port", [FIELD_EITHER_PORT] = "port",
	[FIELD_IN] = "in", [FIELD_OUT] = "out", [FIELD_TCP_FLAGS] = "tcp-flags",
	[FIELD_ICMP_TYPE] = "icmp-type", [FIELD_ICMP_CODE] = "icmp-code",
	[FIELD_FRAGMENT] = "fragment", [FIELD_EXTENSION] = "extension", [FIELD_MARK] = "mark",
	[FIELD_SOURCE_TYPE] = "source-type", [FIELD_DESTINATION_TYPE] = "destination-type",
	[FIELD_DESTINATION_TYPE_HERE] = "destination-type-here",
	[FIELD_LINK_TYPE] = "link-type", [FIELD_REVERSE_PATH] = "reverse-path", [FIELD_OTHER] = "other",
	[FIELD_STATE] = "state", [FIELD_CT_DIRECTION] = "ct-direction",
	[FIELD_CT_STATUS] = "ct-status", [FIELD_CT_MARK] = "ct-mark",
	[FIELD_CT_OTHER] = "ct",
};

static const char *const kinds[] = {
	[STEP_WITHIN_RATE] = "within-rate", [STEP_REMEMBERED] = "remembered",
	[STEP_COUNT] = "count", [STEP_NOTRACK] = "notrack", [STEP_TEMPLATE] = "template",
	[STEP_CT_MARK] = "ct-mark", [STEP_RESTORE_MARK] = "restore-mark",
	[STEP_ACCEPT] = "accept", [STEP_DROP] = "drop", [STEP_REJECT] = "reject",
	[STEP_RETURN] = "return", [STEP_QUEUE] = "queue", [STEP_DIVERT] = "divert",
	[STEP_SYNPROXY] = "synproxy",
};

static void print_range(FILE *out, const struct range *range)
{
	if (range->first > range->last)
		fputs("never", out);
	else if (range->first == range->last)
		fprintf(out, "%u", range->first);
	else
		fprintf(out, "%u-%u", range->first, range->last);
}

/* Of either family: tests use none that could be of both, such as 32.1.13.184 and 2001:db8::. */
static void print_address(FILE *out, const uint8_t *address)
{
	static const uint8_t zeros[12];
	char text[INET6_ADDRSTRLEN];
	bool ipv4 = !memcmp(address + 4, zeros, sizeof(zeros)) && address[0] != 0x20 &&
		    address[0] != 0xfe;

	fputs(inet_ntop(ipv4 ? AF_INET : AF_INET6, address, text, sizeof(text)), out);
}

static void print_addresses(FILE *out, const struct address_range *range)
{
	print_address(out, range->first);
	if (!memcmp(range->first, range->last, sizeof(range->first)))
		return;
	putc('-', out);
	print_address(out, range->last);
}

static void print_name(FILE *out, const char *name, size_t length)
{
	size_t size = strnlen(name, length);

	fprintf(out, "%.*s%s", (int)size, name, size < length ? "" : "*");
}

static void print_numbers(FILE *out, const struct step *step)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	size_t count = step->kind == STEP_NUMBER ? 1 : step->count;

	fputs(fields[step->field], out);
	if (step->mask != UINT32_MAX)
		fprintf(out, "&%#x", step->mask);
	putc(' ', out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			putc(',', out);
		print_range(out, &ranges[i]);
	}
}

static void print_verdict(FILE *out, const struct set_element *element)
{
	if (element->verdict == STEP_JUMP || element->verdict == STEP_GOTO)
		fprintf(out, ":%s %s", element->verdict == STEP_JUMP ? "jump" : "goto",
			element->chain->name);
	else
		fprintf(out, ":%s", kinds[element->verdict]);
}

static void print_element(FILE *out, const struct view_lookup *lookup,
			  const struct set_element *element)
{
	for (size_t i = 0; i < lookup->field_count; i++) {
		const struct key_field *field = &lookup->fields[i];

		if (i)
			putc('.', out);
		if (field->field == FIELD_IN || field->field == FIELD_OUT)
			print_name(out, element->ranges[i].name, element->ranges[i].length);
		else if (field->field == FIELD_SOURCE || field->field == FIELD_DESTINATION)
			print_addresses(out, &element->ranges[i].addresses);
		else
			print_range(out, &element->ranges[i].numbers);
	}
}

static void print_lookup(FILE *out, const struct view_lookup *lookup, bool map)
{
	for (size_t i = 0; i < lookup->field_count; i++) {
		fprintf(out, "%s%s", i ? "." : "", fields[lookup->fields[i].field]);
		if (lookup->fields[i].mask != UINT32_MAX && lookup->fields[i].size <= 4)
			fprintf(out, "&%#x", lookup->fields[i].mask);
	}
	if (lookup->named)
		fprintf(out, " @%s", lookup->name);
	fputs(lookup->named ? "" : lookup->read ? " {" : " {unread", out);
	for (size_t i = 0; i < lookup->count; i++) {
		if (i)
			putc(' ', out);
		print_element(out, lookup, element_at(lookup, i));
		if (map)
			print_verdict(out, element_at(lookup, i));
	}
	if (!lookup->named)
		putc('}', out);
}

/* The data of a map's elements, or of which one it knows no more. */
static void print_data(FILE *out, const struct view_part *part)
{
	fputs(part->map->read ? "{" : "{unread", out);
	for (size_t i = 0; i < part->map->count; i++) {
		const uint8_t *data = element_at(part->map, i)->data;

		fputs(i ? " " : "", out);
		for (size_t j = 0; data && j < part->map->data_size; j++)
			fprintf(out, "%02x", data[j]);
	}
	fprintf(out, "} at %u-%u", part->first_at, part->last_at);
}

static void print_part(FILE *out, const struct view_part *part, bool address)
{
	if (!part->is_given)
		return;
	fputs(address ? " " : " port ", out);
	if (part->map)
		print_data(out, part);
	else if (!part->is_known)
		fputs("any", out);
	else if (address)
		print_addresses(out, &part->addresses);
	else
		fprintf(out, "%u-%u", part->ports.first, part->ports.last);
}

static void print_translation(FILE *out, const struct step *step)
{
	static const char *const names[] = {
		[TRANSLATE_SOURCE] = "source", [TRANSLATE_DESTINATION] = "destination",
		[TRANSLATE_MASQUERADE] = "masquerade", [TRANSLATE_REDIRECT] = "redirect",
	};

	fprintf(out, "translate %s", names[step->field]);
	if (step->length) {
		putc(' ', out);
		print_address(out, step->address);
	}
	if (step->flags & STEP_OUTCOMES) {
		print_part(out, &step->outcomes->address, true);
		print_part(out, &step->outcomes->port, false);
		return;
	}
	if (step->mask)
		fprintf(out, " port %u-%u", step->mask >> 16, step->mask & 0xffff);
}

static void print_step(FILE *out, const struct step *step)
{
	if (step->flags & STEP_INVERTED)
		fputs("not ", out);
	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		print_numbers(out, step);
		break;
	case STEP_PREFIX:
		fprintf(out, "%s ", fields[step->field]);
		print_address(out, step->address);
		fprintf(out, "/%u", step->length);
		break;
	case STEP_ADDRESSES:
		fprintf(out, "%s", fields[step->field]);
		for (size_t i = 0; i < step->count; i++) {
			putc(i ? ',' : ' ', out);
			print_addresses(out, &step->addresses[i]);
		}
		break;
	case STEP_INTERFACE:
		fprintf(out, "%s ", fields[step->field]);
		print_name(out, step->name, step->length);
		break;
	case STEP_SET:
		fprintf(out, "%s in a set", fields[step->field]);
		break;
	case STEP_LOOKUP:
	case STEP_MAP:
		print_lookup(out, step->lookup, step->kind == STEP_MAP);
		break;
	case STEP_UNKNOWN:
		fprintf(out, "unknown %s%s", step->field == FIELD_CT_OTHER ? "ct " : "", step->text);
		break;
	case STEP_ANYTHING:
		fprintf(out, "anything %s", step->text);
		break;
	case STEP_MARK:
		if (step->flags & STEP_ANY_VALUE)
			fputs("mark anything", out);
		else
			fprintf(out, "mark &~%#x ^%#x", step->mask, step->value);
		break;
	case STEP_JUMP:
	case STEP_GOTO:
		fprintf(out, "%s %s", step->kind == STEP_JUMP ? "jump" : "goto", step->chain->name);
		break;
	case STEP_TRANSLATE:
		print_translation(out, step);
		break;
	default:
		fputs(kinds[step->kind], out);
		if (step->flags & STEP_HELPER)
			fputs(" helper", out);
		if (step->flags & STEP_REMEMBERS)
			fputs(" remembers", out);
	}
	if (step->flags & STEP_WITHOUT_ENTRY)
		fputs(" or without entry", out);
}

char *rule_text(const struct view_rule *rule)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < rule->count; i++) {
		if (i)
			fputs(", ", out);
		print_step(out, &rule->steps[i]);
	}
	fclose(out);
	return text;
}
