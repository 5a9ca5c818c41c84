/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of a legacy table, as the kernel has it, into the steps of a rule. */
#include "legacy/view.h"

#include <errno.h>
#include <string.h>

#include "legacy/extensions/extension.h"
#include "legacy/match.h"

/* RFC 791, section 3.1: the lower bits of the field that has the flags as well */
#define FRAGMENT_OFFSET_MAX 0x1fff

/* One entry that is being decoded. */
struct view_entry {
	struct view *view;
	struct view_chain *chain;	/* that it stands in */
	const struct xt_family *family;
	const char *bytes;
	uint8_t flags;
	uint8_t inverted;		/* IPT_INV_*, which are those of IPv6 as well */
	const char *label;		/* of the chain that it leads to */
};

static int add_address(const struct view_entry *entry, enum field field, size_t at, size_t mask_at,
		       bool inverted)
{
	size_t size = entry->family->address_size;
	struct step *step;
	int length;

	if (!inverted && mask_is_empty(entry->bytes + mask_at, size))
		return 0;
	length = mask_length(entry->bytes + mask_at, size);
	step = view_add_step(entry->view, length < 0 ? STEP_UNKNOWN : STEP_PREFIX);
	if (!step)
		return -ENOMEM;
	step->flags = inverted ? STEP_INVERTED : 0;
	if (length < 0) {
		step->text = "address mask";
		step->index = view_hash(view_hash(field, entry->bytes + at, size),
					entry->bytes + mask_at, size);
		return 0;
	}
	step->field = (uint8_t)field;
	step->length = (uint8_t)length;
	memcpy(step->address, entry->bytes + at, size);
	return 0;
}

static int add_interface(const struct view_entry *entry, enum field field, size_t at,
			 size_t mask_at, bool inverted)
{
	struct step *step;
	int length;

	if (!inverted && mask_is_empty(entry->bytes + mask_at, IFNAMSIZ))
		return 0;
	length = mask_length(entry->bytes + mask_at, IFNAMSIZ);
	step = view_add_step(entry->view, length < 0 || length % 8 ? STEP_UNKNOWN :
			     STEP_INTERFACE);
	if (!step)
		return -ENOMEM;
	step->flags = inverted ? STEP_INVERTED : 0;
	if (step->kind == STEP_UNKNOWN) {
		step->text = "interface mask";
		step->index = view_hash(view_hash(field, entry->bytes + at, IFNAMSIZ),
					entry->bytes + mask_at, IFNAMSIZ);
		return 0;
	}
	step->field = (uint8_t)field;
	length /= 8;
	memcpy(step->name, entry->bytes + at, (size_t)length);
	/* with its NUL, it is the whole name, whatever the mask says of what follows */
	step->length = (uint8_t)strnlen(step->name, (size_t)length);
	step->length += step->length < length;
	return 0;
}

/* Entries of IPv6 have a flag that says whether they ask for a protocol. */
static int add_protocol(const struct view_entry *entry)
{
	const uint8_t flag = entry->family->protocol_flag;
	uint16_t protocol;
	struct step *step;

	memcpy(&protocol, entry->bytes + entry->family->at.protocol, sizeof(protocol));
	if (!protocol || (entry->flags & flag) != flag)
		return 0;
	step = view_add_number(entry->view, FIELD_PROTOCOL, protocol, protocol);
	if (!step)
		return -ENOMEM;
	step->flags = entry->inverted & XT_INV_PROTO ? STEP_INVERTED : 0;
	return 0;
}

/* In entries of IPv6, the same flag says that they ask for a protocol. */
static int add_fragment(const struct view_entry *entry)
{
	bool fragments = entry->family->family == IPV4 && entry->flags & IPT_F_FRAG;
	bool inverted = entry->inverted & IPT_INV_FRAG;
	struct step *step;

	if (!fragments && !inverted)
		return 0;
	step = view_add_number(entry->view, FIELD_FRAGMENT, 1, FRAGMENT_OFFSET_MAX);
	if (!step)
		return -ENOMEM;
	step->mask = FRAGMENT_OFFSET_MAX;
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

/* The cheap ones first: most rules are about another protocol. */
static int add_head(const struct view_entry *entry)
{
	const struct xt_family *family = entry->family;
	const uint8_t inverted = entry->inverted;
	int err = add_protocol(entry);

	if (!err)
		err = add_interface(entry, FIELD_IN, family->at.in, family->at.in_mask,
				    inverted & IPT_INV_VIA_IN);
	if (!err)
		err = add_interface(entry, FIELD_OUT, family->at.out, family->at.out_mask,
				    inverted & IPT_INV_VIA_OUT);
	if (!err)
		err = add_address(entry, FIELD_SOURCE, family->at.source, family->at.source_mask,
				  inverted & IPT_INV_SRCIP);
	if (!err)
		err = add_address(entry, FIELD_DESTINATION, family->at.destination,
				  family->at.destination_mask, inverted & IPT_INV_DSTIP);
	return err ? err : add_fragment(entry);
}

/*
 * What a match or target was given, aligned for any type: an entry is aligned for pointers, which
 * is less where they have 32 bits.  Longer than @room nobody decodes it.
 */
static const void *aligned(const void *data, size_t size, void *room, size_t room_size)
{
	if (sizeof(void *) >= sizeof(uint64_t) || size > room_size)
		return data;
	return memcpy(room, data, size);
}

static int add_matches(const struct view_entry *entry)
{
	_Alignas(16) char room[INFO_MAX];
	size_t offset = entry->family->entry_size;
	const struct xt_entry_match *match;
	int err = 0;

	while (!err && (match = match_at(entry->family, entry->bytes, &offset))) {
		const size_t size = match->u.match_size - XT_ALIGN(sizeof(*match));

		err = extension_view_match(entry->view, entry->family->family, match->u.user.name,
					   match->u.user.revision,
					   aligned(match->data, size, room, sizeof(room)), size);
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

static int add_target(const struct view_entry *entry)
{
	const struct xt_entry_target *target = entry_target(entry->family, entry->bytes);
	const size_t size = target->u.target_size - XT_ALIGN(sizeof(*target));
	_Alignas(16) char room[INFO_MAX];
	int verdict;

	if (*target->u.user.name)	/* such a one may have no data */
		return extension_view_target(entry->view, entry->family->family,
					     target->u.user.name, target->u.user.revision,
					     aligned(target->data, size, room, sizeof(room)), size);
	verdict = ((const struct xt_standard_target *)target)->verdict;
	return verdict < 0 ? add_verdict(entry, verdict) :
	       add_jump(entry, entry->flags & entry->family->goto_flag);
}

int legacy_view_entry(struct view *view, struct view_chain *chain, enum family family,
		      const void *bytes, const char *label, uint64_t handle)
{
	const struct xt_family *of = &xt_families[family];
	const struct view_entry entry = {
		.view = view, .chain = chain, .family = of, .bytes = bytes, .label = label,
		.flags = ((const uint8_t *)bytes)[of->at.flags],
		.inverted = ((const uint8_t *)bytes)[of->at.inverted],
	};
	int err = add_head(&entry);

	if (!err)
		err = add_matches(&entry);
	if (!err)
		err = add_target(&entry);
	if (!err && !view_end_rule(view, chain, handle))
		err = -ENOMEM;
	return err;
}
