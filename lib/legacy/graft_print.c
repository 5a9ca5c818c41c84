/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries that have parts of rules of the host, as iptables-save prints them. */
#include "legacy/print.h"

#include <stdlib.h>
#include <string.h>

#include "legacy/layout.h"
#include "legacy/match.h"
#include "support/text.h"

/* What an entry asks of a packet's header, whatever is inverted. */
struct asked {
	struct header header;
	bool odd_masks;			/* which no prefixes or names are */
	bool fragments;			/* -f */
	uint8_t inverted;		/* IPT_INV_*, which are those of IPv6 as well */
};

static struct asked read_header(const void *entry, const struct xt_family *family)
{
	struct asked asked = { 0 };
	union {
		struct ipt_entry entry;
		struct ip6t_entry entry6;
		char bytes[sizeof(struct ip6t_entry)];	/* the larger one */
	} plain = { 0 };

	memcpy(plain.bytes, entry, family->entry_size);
	asked.inverted = (uint8_t)plain.bytes[family->at.inverted];
	asked.fragments = family->family == IPV4 &&
			  (plain.bytes[family->at.flags] & IPT_F_FRAG ||
			   asked.inverted & IPT_INV_FRAG);
	plain.bytes[family->at.inverted] = 0;
	plain.bytes[family->at.flags] &= (char)family->goto_flag;
	asked.odd_masks = !entry_get_header(&plain, &asked.header, family);
	return asked;
}

static const char *not_if(const struct asked *asked, uint8_t bit)
{
	return asked->inverted & bit ? " !" : "";
}

static void print_address(const char *option, const struct asked *asked, uint8_t bit,
			  const struct prefix *prefix, FILE *out)
{
	char text[PREFIX_TEXT];

	if (prefix->length || asked->inverted & bit)
		fprintf(out, "%s %s %s", not_if(asked, bit), option,
			prefix_format(prefix, false, text));
}

static void print_interface(const char *option, const struct asked *asked, uint8_t bit,
			    const char *name, FILE *out)
{
	if (!*name)
		return;
	fprintf(out, "%s %s ", not_if(asked, bit), option);
	text_print_name(name, out);
}

static void print_header(const struct asked *asked, FILE *out)
{
	const struct header *header = &asked->header;
	char text[8];

	if (asked->odd_masks) {
		fputs(" (addresses or interfaces by masks)", out);
		return;
	}
	print_address("-s", asked, IPT_INV_SRCIP, &header->source, out);
	print_address("-d", asked, IPT_INV_DSTIP, &header->destination, out);
	print_interface("-i", asked, IPT_INV_VIA_IN, header->in, out);
	print_interface("-o", asked, IPT_INV_VIA_OUT, header->out, out);
	if (header->protocol)
		fprintf(out, "%s -p %s", not_if(asked, XT_INV_PROTO),
			protocol_print_name(header->protocol, text));
	if (asked->fragments)
		fprintf(out, "%s -f", not_if(asked, IPT_INV_FRAG));
}

/* Its protocol is printed already; ports need it, to be told in the right match. */
static void print_match(const struct xt_entry_match *match, unsigned int number,
			uint8_t protocol, const struct xt_family *family, FILE *out)
{
	struct arena arena = { 0 };
	struct match asked;

	if (match_read(&asked, match, family->family, &arena))
		match_print_rest(&asked, protocol, family->family, out);
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
	const struct asked asked = read_header(entry, family);

	print_header(&asked, out);
	while ((match = match_at(family, entry, &offset)))
		print_match(match, number, asked.header.protocol, family, out);
	if (!*target)
		return;
	fputs(asked.header.go ? " -g " : " -j ", out);
	text_print_name(target, out);
}
