/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of a legacy table, as the kernel has it, into the steps of a rule. */
#include "legacy/view.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

#include "legacy/extensions/extension.h"

/* RFC 791, section 3.1: the lower bits of the field that has the flags as well */
#define FRAGMENT_OFFSET_MAX 0x1fff

/* One entry that is being decoded. */
struct view_entry {
	struct view *view;
	struct view_chain *chain;	/* that it stands in */
	enum family family;
	const void *bytes;
	const char *label;		/* of the chain that it leads to */
};

/* What both families' entries have ahead of their matches. */
struct head {
	const uint8_t *source, *source_mask, *destination, *destination_mask;
	const char *in, *out;
	const unsigned char *in_mask, *out_mask;
	unsigned int protocol, inverted;
	bool asks_protocol, fragments, go;
	uint16_t target_offset;
};

static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
	      IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP &&
	      IPT_INV_FRAG == IP6T_INV_FRAG && IPT_INV_PROTO == IP6T_INV_PROTO, "bits");

static struct head head_of_ipv4(const struct ipt_entry *entry)
{
	const struct ipt_ip *ip = &entry->ip;

	return (struct head){
		.source = (const uint8_t *)&ip->src, .source_mask = (const uint8_t *)&ip->smsk,
		.destination = (const uint8_t *)&ip->dst,
		.destination_mask = (const uint8_t *)&ip->dmsk,
		.in = ip->iniface, .in_mask = ip->iniface_mask,
		.out = ip->outiface, .out_mask = ip->outiface_mask,
		.protocol = ip->proto, .asks_protocol = ip->proto,
		.inverted = ip->invflags, .fragments = ip->flags & IPT_F_FRAG,
		.go = ip->flags & IPT_F_GOTO, .target_offset = entry->target_offset,
	};
}

static struct head head_of_ipv6(const struct ip6t_entry *entry)
{
	const struct ip6t_ip6 *ip = &entry->ipv6;

	return (struct head){
		.source = (const uint8_t *)&ip->src, .source_mask = (const uint8_t *)&ip->smsk,
		.destination = (const uint8_t *)&ip->dst,
		.destination_mask = (const uint8_t *)&ip->dmsk,
		.in = ip->iniface, .in_mask = ip->iniface_mask,
		.out = ip->outiface, .out_mask = ip->outiface_mask,
		.protocol = ip->proto, .asks_protocol = ip->flags & IP6T_F_PROTO && ip->proto,
		.inverted = ip->invflags, .go = ip->flags & IP6T_F_GOTO,
		.target_offset = entry->target_offset,
	};
}

/* How many ones a mask begins with, or -1 where more of them follow a zero. */
static int mask_length(const uint8_t *mask, size_t size)
{
	unsigned int part;
	size_t full = 0;
	int length;

	while (full < size && mask[full] == 0xff)
		full++;
	part = full < size ? (unsigned int)__builtin_popcount(mask[full]) : 0;
	length = (int)(8 * full + part);
	if (full < size && mask[full++] != (uint8_t)(0xff00u >> part))
		return -1;
	while (full < size && !mask[full])
		full++;
	return full == size ? length : -1;
}

static int add_address(const struct view_entry *entry, enum field field, const uint8_t *address,
		       const uint8_t *mask, bool inverted)
{
	size_t size = family_bits(entry->family) / 8;
	int length = mask_length(mask, size);
	struct step *step;

	if (!length && !inverted)
		return 0;
	step = view_add_step(entry->view, length < 0 ? STEP_UNKNOWN : STEP_PREFIX);
	if (!step)
		return -ENOMEM;
	step->flags = inverted ? STEP_INVERTED : 0;
	if (length < 0) {
		step->text = "address mask";
		return 0;
	}
	step->field = (uint8_t)field;
	step->length = (uint8_t)length;
	memcpy(step->address, address, size);
	return 0;
}

static int add_interface(const struct view_entry *entry, enum field field, const char *name,
			 const unsigned char *mask, bool inverted)
{
	int length = mask_length(mask, IFNAMSIZ);
	struct step *step;

	if (!length && !inverted)
		return 0;
	step = view_add_step(entry->view, length < 0 || length % 8 ? STEP_UNKNOWN :
			     STEP_INTERFACE);
	if (!step)
		return -ENOMEM;
	step->flags = inverted ? STEP_INVERTED : 0;
	if (step->kind == STEP_UNKNOWN) {
		step->text = "interface mask";
		return 0;
	}
	step->field = (uint8_t)field;
	length /= 8;
	memcpy(step->name, name, (size_t)length);
	/* with its NUL, it is the whole name, whatever the mask says of what follows */
	step->length = (uint8_t)strnlen(step->name, (size_t)length);
	step->length += step->length < length;
	return 0;
}

static int add_protocol(const struct view_entry *entry, const struct head *head)
{
	struct step *step;

	if (!head->asks_protocol)
		return 0;
	step = view_add_number(entry->view, FIELD_PROTOCOL, head->protocol, head->protocol);
	if (!step)
		return -ENOMEM;
	step->flags = head->inverted & IPT_INV_PROTO ? STEP_INVERTED : 0;
	return 0;
}

static int add_fragment(const struct view_entry *entry, const struct head *head)
{
	bool inverted = head->inverted & IPT_INV_FRAG;
	struct step *step;

	if (!head->fragments && !inverted)
		return 0;
	step = view_add_number(entry->view, FIELD_FRAGMENT, 1, FRAGMENT_OFFSET_MAX);
	if (!step)
		return -ENOMEM;
	step->mask = FRAGMENT_OFFSET_MAX;
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

/* The cheap ones first: most rules are about another protocol. */
static int add_head(const struct view_entry *entry, const struct head *head)
{
	unsigned int inverted = head->inverted;
	int err = add_protocol(entry, head);

	if (!err)
		err = add_interface(entry, FIELD_IN, head->in, head->in_mask,
				    inverted & IPT_INV_VIA_IN);
	if (!err)
		err = add_interface(entry, FIELD_OUT, head->out, head->out_mask,
				    inverted & IPT_INV_VIA_OUT);
	if (!err)
		err = add_address(entry, FIELD_SOURCE, head->source, head->source_mask,
				  inverted & IPT_INV_SRCIP);
	if (!err)
		err = add_address(entry, FIELD_DESTINATION, head->destination,
				  head->destination_mask, inverted & IPT_INV_DSTIP);
	return err ? err : add_fragment(entry, head);
}

static int add_matches(const struct view_entry *entry, const struct head *head)
{
	const size_t data = XT_ALIGN(sizeof(struct xt_entry_match));
	size_t offset = entry->family == IPV6 ? XT_ALIGN(sizeof(struct ip6t_entry)) :
						XT_ALIGN(sizeof(struct ipt_entry));
	int err = 0;

	while (offset < head->target_offset && !err) {
		const struct xt_entry_match *match =
			(const void *)((const char *)entry->bytes + offset);

		err = extension_view_match(entry->view, entry->family, match->u.user.name,
					   match->u.user.revision, match->data,
					   match->u.match_size - data);
		offset += match->u.match_size;
	}
	return err;
}

static int add_jump(const struct view_entry *entry, bool go)
{
	struct view_chain *chain;
	struct step *step;

	if (!*entry->label)		/* to the next rule */
		return 0;
	chain = view_find_chain(entry->view, entry->chain->table, entry->label);
	step = view_add_unknown(entry->view, !chain ? STEP_ANYTHING : go ? STEP_GOTO : STEP_JUMP,
				"jump");
	if (!step)
		return -ENOMEM;
	if (chain)
		step->chain = chain;
	return 0;
}

static int add_verdict(const struct view_entry *entry, int verdict)
{
	enum step_kind kind = STEP_ANYTHING;

	if (verdict == -NF_ACCEPT - 1)
		kind = STEP_ACCEPT;
	else if (verdict == -NF_DROP - 1)
		kind = STEP_DROP;
	else if (verdict == XT_RETURN)
		kind = STEP_RETURN;
	else if (verdict == -NF_QUEUE - 1)
		kind = STEP_QUEUE;
	return view_add_unknown(entry->view, kind, "verdict") ? 0 : -ENOMEM;
}

static int add_target(const struct view_entry *entry, const struct head *head)
{
	const struct xt_entry_target *target =
		(const void *)((const char *)entry->bytes + head->target_offset);
	int verdict = ((const struct xt_standard_target *)target)->verdict;

	if (*target->u.user.name)
		return extension_view_target(entry->view, entry->family, target->u.user.name,
					     target->u.user.revision, target->data,
					     target->u.target_size - XT_ALIGN(sizeof(*target)));
	return verdict < 0 ? add_verdict(entry, verdict) : add_jump(entry, head->go);
}

int legacy_view_entry(struct view *view, struct view_chain *chain, enum family family,
		      const void *bytes, const char *label, uint64_t handle)
{
	const struct view_entry entry = { .view = view, .chain = chain, .family = family,
					  .bytes = bytes, .label = label };
	struct head head = family == IPV6 ? head_of_ipv6(bytes) : head_of_ipv4(bytes);
	int err = add_head(&entry, &head);

	if (!err)
		err = add_matches(&entry, &head);
	if (!err)
		err = add_target(&entry, &head);
	if (!err && !view_end_rule(view, chain, handle))
		err = -ENOMEM;
	return err;
}
