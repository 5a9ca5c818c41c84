/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries that have parts of rules of the host, as iptables-save prints them. */
#include "legacy/print.h"

#include <stdlib.h>
#include <string.h>

#include "legacy/layout.h"
#include "legacy/match.h"

static const char *not_if(const struct header *header, uint8_t bit)
{
	return header->inverted & bit ? " !" : "";
}

static void print_address(const char *option, const struct header *header, uint8_t bit,
			  const struct prefix *prefix, FILE *out)
{
	char text[PREFIX_TEXT];

	if (prefix->length || header->inverted & bit)
		fprintf(out, "%s %s %s", not_if(header, bit), option,
			prefix_format(prefix, false, text));
}

static void print_interface(const char *option, const struct header *header, uint8_t bit,
			    const char *name, FILE *out)
{
	if (*name)
		fprintf(out, "%s %s %s", not_if(header, bit), option, name);
}

static void print_header(const struct header *header, FILE *out)
{
	char text[8];

	if (header->odd_masks) {
		fputs(" (addresses or interfaces by masks)", out);
		return;
	}
	print_address("-s", header, IPT_INV_SRCIP, &header->source, out);
	print_address("-d", header, IPT_INV_DSTIP, &header->destination, out);
	print_interface("-i", header, IPT_INV_VIA_IN, header->in, out);
	print_interface("-o", header, IPT_INV_VIA_OUT, header->out, out);
	if (header->protocol)
		fprintf(out, "%s -p %s", not_if(header, XT_INV_PROTO),
			protocol_print_name(header->protocol, text));
	if (header->fragments)
		fprintf(out, "%s -f", not_if(header, IPT_INV_FRAG));
}

/* Its protocol is printed already; ports need it, to be told in the right match. */
static void print_match(const struct xt_entry_match *match, unsigned int number,
			const struct header *header, const struct xt_family *family, FILE *out)
{
	struct arena arena = { 0 };
	struct match asked;

	if (match_read(&asked, match, family->family, &arena))
		match_print_rest(&asked, header->protocol, family->family, out);
	else if (number)
		fprintf(out, " -m %s (as rule %u asks)", match->u.user.name, number);
	else
		fprintf(out, " -m %s (as the rule asks that it has it from)", match->u.user.name);
	arena_free(&arena);
}

void entry_print(const void *entry, unsigned int number, const struct xt_family *family, FILE *out)
{
	const struct xt_entry_match *match;
	const char *target = entry_target(family, entry)->u.user.name;
	size_t offset = family->entry_size;
	struct header header;

	family->get_header(entry, &header);
	print_header(&header, out);
	while ((match = match_at(family, entry, &offset)))
		print_match(match, number, &header, family, out);
	if (*target)
		fprintf(out, " %s %s", header.go ? "-g" : "-j", target);
}
