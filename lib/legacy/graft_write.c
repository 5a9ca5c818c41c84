/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An entry of ours begins with the original's header, into which goes what ours asks
 * of addresses, interfaces and protocol.  Its matches: our states, the original's
 * head, ours, the original's tail, our comment.
 */
#include "legacy/graft_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/extensions/extension.h"
#include "legacy/layout.h"
#include "legacy/match.h"

struct writer {
	char *entry;			/* what is being built */
	size_t size;
	char *part;			/* a part of ours, as entry_encode() makes it */
	const struct graft_rule *graft;
	const struct graft_original *original;
	const struct xt_family *family;
	const struct features *features;
	struct view scratch;		/* to look at matches of the original */
	struct error *error;
};

static bool copies_verdict(const struct graft_rule *graft)
{
	return graft->copies & COPY_VERDICT;
}

/* --- the header ------------------------------------------------------- */

static int conflict(const struct writer *writer, const char *what)
{
	const struct graft_original *original = writer->original;

	return error_set(writer->error, -EOPNOTSUPP, "table %s (%s): rule %u of chain %s asks for %s, "
			 "and a rule of ours for packets that are not tracked would have to ask for "
			 "another one beside it; ask for it in a rule that leads to a chain of your "
			 "own, and for the rest there", original->table, writer->family->name,
			 original->number, original->chain, what);
}

/* Whether all that the bytes of @b mean is within what those of @a mean. */
static bool covers(const unsigned char *a, const unsigned char *a_mask, const unsigned char *b,
		   const unsigned char *b_mask, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((a_mask[i] & ~b_mask[i]) || ((a[i] ^ b[i]) & a_mask[i]))
			return false;
	return true;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	while (size && !bytes[size - 1])
		size--;
	return !size;
}

/* Whether nothing is of both. */
static bool are_apart(const unsigned char *value, const unsigned char *mask,
		      const unsigned char *other_value, const unsigned char *other_mask, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((value[i] ^ other_value[i]) & mask[i] & other_mask[i])
			return true;
	return false;
}

/* A value with a mask: the narrower of the two, or it cannot be said. */
static int merge_field(const struct writer *writer, size_t value, size_t mask, size_t size,
		       uint8_t inversion, const char *what)
{
	unsigned char *into = (unsigned char *)writer->entry;
	const unsigned char *ours = (const unsigned char *)writer->part;
	bool inverted = into[writer->family->at.inverted] & inversion;

	if (is_zero(ours + mask, size))
		return 0;
	if (!inverted && covers(ours + value, ours + mask, into + value, into + mask, size))
		return 0;
	if (inverted ? !are_apart(into + value, into + mask, ours + value, ours + mask, size) :
		       !covers(into + value, into + mask, ours + value, ours + mask, size))
		return conflict(writer, what);
	into[writer->family->at.inverted] &= (unsigned char)~inversion;
	memcpy(into + value, ours + value, size);
	memcpy(into + mask, ours + mask, size);
	return 0;
}

static uint16_t *protocol_of(char *entry, const struct xt_family *family)
{
	return (uint16_t *)(entry + family->at.protocol);
}

/* One that is excluded is another than ours. */
static int merge_protocol(const struct writer *writer)
{
	const struct xt_family *family = writer->family;
	uint8_t *inverted = (uint8_t *)writer->entry + family->at.inverted;
	uint16_t *into = protocol_of(writer->entry, writer->family);
	uint16_t ours = *protocol_of(writer->part, writer->family);

	if (!ours)
		return 0;
	if (*into && (*into == ours) == !!(*inverted & XT_INV_PROTO))
		return conflict(writer, "a protocol");
	*into = ours;
	*inverted &= (uint8_t)~XT_INV_PROTO;
	writer->entry[family->at.flags] |= (char)family->protocol_flag;
	return 0;
}

static int merge_header(const struct writer *writer)
{
	const struct xt_family *family = writer->family;
	int err = merge_field(writer, family->at.source, family->at.source_mask, family->address_size, IPT_INV_SRCIP,
			      "a source address");

	if (!err)
		err = merge_field(writer, family->at.destination, family->at.destination_mask, family->address_size,
				  IPT_INV_DSTIP, "a destination address");
	if (!err)
		err = merge_field(writer, family->at.in, family->at.in_mask, IFNAMSIZ, IPT_INV_VIA_IN,
				  "an input interface");
	if (!err)
		err = merge_field(writer, family->at.out, family->at.out_mask, IFNAMSIZ, IPT_INV_VIA_OUT,
				  "an output interface");
	return err ? err : merge_protocol(writer);
}

/* Matches and targets of some protocols take no entry that does not ask for it. */
static void copy_protocol(struct writer *writer)
{
	const struct xt_family *family = writer->family;
	const char *from = writer->original->entry;

	*protocol_of(writer->entry, writer->family) =
		*protocol_of((char *)writer->original->entry, writer->family);
	writer->entry[family->at.flags] |= from[family->at.flags] & (char)family->protocol_flag;
	writer->entry[family->at.inverted] |= from[family->at.inverted] & XT_INV_PROTO;
}

static void begin_header(struct writer *writer)
{
	const struct xt_family *family = writer->family;

	memset(writer->entry, 0, writer->family->entry_size);
	writer->size = writer->family->entry_size;
	if (!writer->original)
		return;
	if (writer->graft->copies & COPY_HEAD) {
		memcpy(writer->entry, writer->original->entry, writer->family->at.mark);
		writer->entry[family->at.flags] &= (char)~family->goto_flag;
	} else if (writer->graft->copies & COPY_TAIL) {
		copy_protocol(writer);
	}
}

/* --- matches ---------------------------------------------------------- */

static int append(struct writer *writer, const void *bytes, size_t size)
{
	if (writer->size + size > ENTRY_MAX - 256)	/* and a target */
		return error_set(writer->error, -EINVAL, "a rule of more than %d bytes: its lists are "
				 "too long", ENTRY_MAX);
	memcpy(writer->entry + writer->size, bytes, size);
	writer->size += size;
	return 0;
}

static int encode_part(const struct writer *writer, const struct rule *rule)
{
	return entry_encode(writer->part, rule, writer->family, writer->features, writer->error);
}

/* The matches of the part that was encoded. */
static int append_part(struct writer *writer)
{
	const size_t begin = writer->family->entry_size;

	return append(writer, writer->part + begin,
		      entry_target_offset(writer->family, writer->part) - begin);
}

static int append_ours(struct writer *writer, const struct match *match)
{
	const struct rule rule = { .match = match };
	int err = encode_part(writer, &rule);

	return err ? err : append_part(writer);
}

/* What one match of the original is. */
struct kind {
	bool asks_conntrack, remembers, records, has_effect;
};

static int look_at(struct writer *writer, const struct xt_entry_match *match, struct kind *kind)
{
	struct view *scratch = &writer->scratch;
	int err = extension_view_match(scratch, writer->family->family, match->u.user.name,
				       match->u.user.revision, match->data,
				       match->u.match_size - XT_ALIGN(sizeof(*match)));

	*kind = (struct kind){ 0 };
	for (size_t i = 0; i < scratch->step_count; i++) {
		kind->asks_conntrack |= step_asks_conntrack(&scratch->steps[i]);
		kind->remembers |= scratch->steps[i].flags & STEP_REMEMBERS;
		kind->records |= step_records(&scratch->steps[i]);
		kind->has_effect |= !step_is_condition(&scratch->steps[i]);
	}
	scratch->step_count = 0;
	return err ? error_set(writer->error, err, "out of memory") : 0;
}

/* The original's own comments are no conditions, and its owner finds it by them. */
static bool is_comment(const struct xt_entry_match *match)
{
	return !strcmp(match->u.user.name, "comment");
}

/* TCPMSS takes no entry that does not itself ask for SYN: find_syn_match() of xt_TCPMSS.c. */
static bool is_asked_by_target(const struct writer *writer, const struct xt_entry_match *match)
{
	const struct xt_entry_target *target = entry_target(writer->family, writer->original->entry);

	return copies_verdict(writer->graft) && !(writer->graft->copies & COPY_HEAD) &&
	       !strcmp(target->u.user.name, "TCPMSS") && !strcmp(match->u.user.name, "tcp");
}

/* Those of the head, or those of the tail, and ahead of these what the target asks of its entry. */
static int append_original(struct writer *writer, bool tail)
{
	const struct xt_entry_match *match;
	size_t offset = writer->family->entry_size;
	bool in_tail = false;
	int err = 0;

	if (!writer->original || !(writer->graft->copies & (tail ? COPY_TAIL : COPY_HEAD)))
		return 0;
	while (!err && (match = match_at(writer->family, writer->original->entry, &offset))) {
		struct kind kind;
		bool is_part;

		err = look_at(writer, match, &kind);
		in_tail |= kind.remembers || kind.has_effect;
		is_part = in_tail == tail || (tail && is_asked_by_target(writer, match));
		if (err || !is_part || kind.asks_conntrack || is_comment(match) ||
		    (kind.records && writer->graft->copies & COPY_FORGETFUL))
			continue;
		err = append(writer, match, match->u.match_size);
	}
	return err;
}

/* --- the target ------------------------------------------------------- */

static int append_target(struct writer *writer, const struct rule *rule)
{
	const struct xt_family *family = writer->family;
	const struct xt_entry_target *target = entry_target(family, writer->part);
	size_t size = entry_next(family, writer->part) - entry_target_offset(family, writer->part);
	struct xt_standard_target *standard = (void *)(writer->entry + writer->size);
	uint8_t *flags = (uint8_t *)writer->entry + family->at.flags;

	if (!copies_verdict(writer->graft)) {
		if (rule->target == TARGET_GOTO)
			*flags |= family->goto_flag;
		return append(writer, target, size);
	}
	target = entry_target(family, writer->original->entry);
	*flags |= ((const uint8_t *)writer->original->entry)[family->at.flags] &
		  family->goto_flag;
	if (*target->u.user.name)
		return append(writer, target, target->u.target_size);
	memset(standard, 0, XT_ALIGN(sizeof(*standard)));
	standard->target.u.user.target_size = XT_ALIGN(sizeof(*standard));
	strncpy(standard->target.u.user.name, writer->original->label,
		sizeof(standard->target.u.user.name) - 1);
	writer->size += XT_ALIGN(sizeof(*standard));
	return 0;
}

/* --- all -------------------------------------------------------------- */

/* What ours asks but for states, which come first, and the comment, which comes last. */
static struct match middle_of(const struct writer *writer)
{
	struct match middle = { 0 };

	if (writer->graft->rule.match)
		middle = *writer->graft->rule.match;
	middle.states = 0;
	middle.comment = NULL;
	if (!middle.protocol && !(writer->entry[writer->family->at.inverted] & XT_INV_PROTO))
		middle.protocol = (uint8_t)*protocol_of(writer->entry, writer->family);
	return middle;
}

static int append_all(struct writer *writer, const char *to)
{
	const struct rule *rule = &writer->graft->rule;
	const struct match *match = rule->match;
	const struct match states = { .states = match ? match->states : 0 };
	const struct match comment = { .comment = match ? match->comment : NULL };
	struct match middle = middle_of(writer);
	struct chain chain = { 0 };
	struct rule ours = { .source = rule->source, .target = rule->target, .to = &chain,
			     .match = &middle };
	int err;

	strncpy(chain.name, to ? to : "", CHAIN_NAME_MAX);
	if (copies_verdict(writer->graft))
		ours.target = TARGET_NONE;
	err = states.states ? append_ours(writer, &states) : 0;
	if (!err)
		err = append_original(writer, false);
	if (!err)
		err = encode_part(writer, &ours);
	if (!err)
		err = merge_header(writer);
	if (!err)
		err = append_part(writer);
	if (!err)
		err = append_original(writer, true);
	if (!err && comment.comment)
		err = append_ours(writer, &comment);
	*(uint16_t *)(writer->entry + writer->family->at.lengths) = (uint16_t)writer->size;
	if (!err && comment.comment)
		err = encode_part(writer, &ours);
	return err ? err : append_target(writer, &ours);
}

int graft_write(void *buffer, const struct graft_rule *rule, const char *to,
		const struct graft_original *original, const struct xt_family *family,
		const struct features *features, struct error *error)
{
	struct writer writer = { .entry = buffer, .graft = rule, .original = original,
				 .family = family, .features = features, .error = error,
				 .part = malloc(ENTRY_MAX) };
	int err = -ENOMEM;

	if (writer.part) {
		begin_header(&writer);
		err = append_all(&writer, to);
	} else {
		error_set(error, err, "out of memory");
	}
	((uint16_t *)((char *)buffer + family->at.lengths))[1] = (uint16_t)writer.size;
	view_free(&writer.scratch);
	free(writer.part);
	return err;
}
