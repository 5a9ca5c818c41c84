/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/body_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "nft/print.h"
#include "rules/rule.h"
#include "support/stream.h"

static const char *const fields[FIELDS] = {
	[FIELD_FAMILY] = "meta nfproto", [FIELD_ETHER_TYPE] = "meta protocol",
	[FIELD_PROTOCOL] = "meta l4proto", [FIELD_SOURCE] = "saddr",
	[FIELD_DESTINATION] = "daddr", [FIELD_SOURCE_PORT] = "th sport",
	[FIELD_DESTINATION_PORT] = "th dport", [FIELD_EITHER_PORT] = "th port",
	[FIELD_IN] = "iifname", [FIELD_OUT] = "oifname", [FIELD_TCP_FLAGS] = "tcp flags",
	[FIELD_CHUNK] = "sctp chunk",
	[FIELD_ICMP_TYPE] = "icmp type", [FIELD_ICMP_CODE] = "icmp code",
	[FIELD_FRAGMENT] = "ip frag-off", [FIELD_EXTENSION] = "exthdr", [FIELD_MARK] = "meta mark",
	[FIELD_SOURCE_TYPE] = "fib saddr type", [FIELD_DESTINATION_TYPE] = "fib daddr type",
	[FIELD_DESTINATION_TYPE_HERE] = "fib daddr . iif type",
	[FIELD_LINK_TYPE] = "meta pkttype", [FIELD_REVERSE_PATH] = "fib saddr . iif oif",
	[FIELD_OTHER] = "(...)",
	[FIELD_STATE] = "ct state", [FIELD_CT_DIRECTION] = "ct direction",
	[FIELD_CT_STATUS] = "ct status", [FIELD_CT_MARK] = "ct mark", [FIELD_CT_OTHER] = "ct",
};

static const char *const kinds[] = {
	[STEP_WITHIN_RATE] = "limit rate", [STEP_REMEMBERED] = "recent", [STEP_SET] = "set",
	[STEP_COUNT] = "counter", [STEP_NOTRACK] = "notrack", [STEP_TEMPLATE] = "ct template",
	[STEP_MARK] = "meta mark set", [STEP_CT_MARK] = "ct mark set",
	[STEP_RESTORE_MARK] = "meta mark set ct mark", [STEP_ACCEPT] = "accept",
	[STEP_DROP] = "drop", [STEP_REJECT] = "reject", [STEP_RETURN] = "return",
	[STEP_JUMP] = "jump", [STEP_GOTO] = "goto", [STEP_TRANSLATE] = "nat",
	[STEP_QUEUE] = "queue", [STEP_DIVERT] = "tproxy", [STEP_SYNPROXY] = "synproxy",
};

static void print_states(const struct step *step, FILE *out)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} states[] = {
		{ CT_INVALID, "invalid" }, { CT_ESTABLISHED, "established" },
		{ CT_RELATED, "related" }, { CT_NEW, "new" }, { CT_UNTRACKED, "untracked" },
	};
	const uint32_t asked = step->mask == UINT32_MAX ? step->range.first : step->mask;
	const char *before = " ";

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (asked & states[i].bit) {
			fprintf(out, "%s%s", before, states[i].name);
			before = ",";
		}
}

static void print_numbers(const struct step *step, FILE *out)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	const size_t count = step->kind == STEP_NUMBER ? 1 : step->count;
	const char *before = count == 1 ? " " : " { ";

	if (step->mask != UINT32_MAX)
		fprintf(out, " & %#x", step->mask);
	if (step->flags & STEP_INVERTED)
		fputs(" !=", out);
	for (size_t i = 0; i < count; i++, before = ", ") {
		fprintf(out, "%s%u", before, ranges[i].first);
		if (ranges[i].last != ranges[i].first)
			fprintf(out, "-%u", ranges[i].last);
	}
	if (count != 1)
		fputs(" }", out);
}

/* All flags that are looked at, and those of them that are wanted. */
static void print_flags(const struct step *step, FILE *out)
{
	fputs(" & (", out);
	nft_print_tcp_flags(step->mask, out);
	fputs(step->flags & STEP_INVERTED ? ") != " : ") == ", out);
	nft_print_tcp_flags(step->range.first, out);
}

/* Without a family, it is of IPv4 where there is nothing behind the first four bytes. */
static void print_address(const uint8_t *address, FILE *out)
{
	static const uint8_t nothing[12];
	char text[INET6_ADDRSTRLEN];

	inet_ntop(memcmp(address + 4, nothing, sizeof(nothing)) ? AF_INET6 : AF_INET, address, text,
		  sizeof(text));
	fputs(text, out);
}

static void print_addresses(const struct step *step, FILE *out)
{
	fputs(step->flags & STEP_INVERTED ? " != " : " ", out);
	if (step->kind == STEP_PREFIX) {
		print_address(step->address, out);
		fprintf(out, "/%u", step->length);
		return;
	}
	for (size_t i = 0; i < step->count; i++) {
		fputs(i ? ", " : "", out);
		print_address(step->addresses[i].first, out);
		putc('-', out);
		print_address(step->addresses[i].last, out);
	}
}

static void print_name(const struct step *step, FILE *out)
{
	size_t size = strnlen(step->name, step->length);

	fprintf(out, "%s \"%.*s%s\"", step->flags & STEP_INVERTED ? " !=" : "", (int)size,
		step->name, size < step->length ? "" : "*");
}

/* Of what family and protocol the packets are by then. */
struct context {
	int family;
	uint8_t protocol;
};

static void print_field(uint8_t field, const struct context *context, FILE *out)
{
	const char *protocol = protocol_name(context->protocol);

	if (field == FIELD_SOURCE || field == FIELD_DESTINATION)
		fputs(context->family == AF_INET6 ? "ip6 " : "ip ", out);
	if (protocol && (field == FIELD_SOURCE_PORT || field == FIELD_DESTINATION_PORT))
		fprintf(out, "%s %s", protocol, field == FIELD_SOURCE_PORT ? "sport" : "dport");
	else if (protocol && (field == FIELD_ICMP_TYPE || field == FIELD_ICMP_CODE))
		fprintf(out, "%s %s", protocol, field == FIELD_ICMP_TYPE ? "type" : "code");
	else
		fputs(fields[field], out);
}

static bool is_one_number(const struct step *step)
{
	return step->kind == STEP_NUMBER && !(step->flags & STEP_INVERTED) &&
	       step->range.first == step->range.last;
}

/* Names that nft(8) has for numbers; false: none. */
static bool print_named(const struct step *step, struct context *context, FILE *out)
{
	if (!is_one_number(step))
		return false;
	if (step->field == FIELD_FAMILY) {
		context->family = (int)step->range.first;
		fprintf(out, "meta nfproto %s", context->family == AF_INET6 ? "ipv6" : "ipv4");
		return true;
	}
	if (step->field == FIELD_PROTOCOL)
		context->protocol = (uint8_t)step->range.first;
	if (step->field != FIELD_PROTOCOL || !protocol_name(context->protocol))
		return false;
	fprintf(out, "meta l4proto %s", protocol_name(context->protocol));
	return true;
}

/* A protocol goes without saying where its ports are asked next. */
static bool is_told_by_next(const struct view *view, size_t index)
{
	const struct step *step = &view->steps[index];
	const struct step *next = index + 1 < view->step_count ? step + 1 : NULL;

	return next && is_one_number(step) && step->field == FIELD_PROTOCOL &&
	       protocol_name((uint8_t)step->range.first) &&
	       (next->kind == STEP_NUMBER || next->kind == STEP_NUMBERS) &&
	       (next->field == FIELD_SOURCE_PORT || next->field == FIELD_DESTINATION_PORT ||
		next->field == FIELD_ICMP_TYPE);
}

static void print_condition(const struct step *step, struct context *context, FILE *out)
{
	if (print_named(step, context, out))
		return;
	print_field(step->field, context, out);
	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
		if (step->field == FIELD_STATE && step->kind == STEP_NUMBER)
			print_states(step, out);
		else if (step->field == FIELD_TCP_FLAGS && step->kind == STEP_NUMBER &&
			 step->mask != UINT32_MAX && step->range.first == step->range.last &&
			 step->range.first)
			print_flags(step, out);
		else
			print_numbers(step, out);
		break;
	case STEP_INTERFACE:
		print_name(step, out);
		break;
	default:
		print_addresses(step, out);
	}
}

static void print_step(const struct step *step, struct context *context, FILE *out)
{
	switch (step->kind) {
	case STEP_NUMBER:
	case STEP_NUMBERS:
	case STEP_PREFIX:
	case STEP_ADDRESSES:
	case STEP_INTERFACE:
		print_condition(step, context, out);
		break;
	case STEP_LOOKUP:
	case STEP_MAP:
		fprintf(out, "%s%s@%s", fields[step->lookup->fields[0].field],
			step->flags & STEP_INVERTED ? " != " : " ", step->lookup->name);
		break;
	case STEP_UNKNOWN:
	case STEP_ANYTHING:
		fprintf(out, "(%s)", step->text);
		break;
	case STEP_JUMP:
	case STEP_GOTO:
		fprintf(out, "%s %s", kinds[step->kind], step->chain->name);
		break;
	default:
		fputs(kinds[step->kind], out);
	}
}

int nft_body_text(struct nft_body *body, const struct view *view, const struct view_table *table,
		  struct arena *arena)
{
	struct context context = {
		.family = table->families == 1u << IPV6 ? AF_INET6 : AF_INET,
	};
	const char *before = "";
	struct stream text;

	if (stream_open(&text))
		return -ENOMEM;
	for (size_t i = 0; i < view->step_count; i++) {
		if (is_told_by_next(view, i)) {
			context.protocol = (uint8_t)view->steps[i].range.first;
			continue;
		}
		fputs(before, text.out);
		before = " ";
		print_step(&view->steps[i], &context, text.out);
	}
	if (!stream_close(&text))
		body->text = arena_strdup(arena, text.text);
	free(text.text);
	return body->text ? 0 : -ENOMEM;
}
