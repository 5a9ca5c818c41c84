/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of the same meaning, whoever wrote them: how they get the same bytes, and are compared. */
#include "legacy/layout.h"

#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_statistic.h>
#include <string.h>

#include "legacy/match.h"

/* What a kernel before 4.11 hands out of its own memory: from where on. */
static const struct {
	const char *name;
	uint8_t revision;
	size_t size, from;
} internals[] = {
	{ "hashlimit", 1, sizeof(struct xt_hashlimit_mtinfo1),
	  offsetof(struct xt_hashlimit_mtinfo1, hinfo) },
	{ "hashlimit", 2, sizeof(struct xt_hashlimit_mtinfo2),
	  offsetof(struct xt_hashlimit_mtinfo2, hinfo) },
	{ "hashlimit", 3, sizeof(struct xt_hashlimit_mtinfo3),
	  offsetof(struct xt_hashlimit_mtinfo3, hinfo) },
	{ "limit", 0, sizeof(struct xt_rateinfo), offsetof(struct xt_rateinfo, prev) },
	{ "quota", 0, sizeof(struct xt_quota_info), offsetof(struct xt_quota_info, master) },
	{ "statistic", 0, sizeof(struct xt_statistic_info),
	  offsetof(struct xt_statistic_info, master) },
};

static void normalise_match(struct xt_entry_match *match)
{
	const size_t head = XT_ALIGN(sizeof(*match));
	char *data = (char *)match->data;

	if (!strcmp(match->u.user.name, "comment") &&
	    match->u.match_size == head + XT_ALIGN(sizeof(struct xt_comment_info))) {
		size_t used = strnlen(data, sizeof(struct xt_comment_info));

		memset(data + used, 0, sizeof(struct xt_comment_info) - used);
		return;
	}
	for (size_t i = 0; i < sizeof(internals) / sizeof(internals[0]); i++)
		if (!strcmp(match->u.user.name, internals[i].name) &&
		    match->u.user.revision == internals[i].revision &&
		    match->u.match_size == head + XT_ALIGN(internals[i].size))
			memset(data + internals[i].from, 0,
			       internals[i].size - internals[i].from);
}

static void mask_bytes(unsigned char *bytes, const unsigned char *mask, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] &= mask[i];
}

/* A name with its NUL is the whole name, whatever the mask says of what follows. */
static void normalise_interface(unsigned char *name, unsigned char *mask)
{
	size_t size;

	mask_bytes(name, mask, IFNAMSIZ);
	size = strnlen((const char *)name, IFNAMSIZ);
	if (size < IFNAMSIZ && mask[size] == 0xff) {
		memset(name + size, 0, IFNAMSIZ - size);
		memset(mask + size + 1, 0, IFNAMSIZ - size - 1);
	}
}

/* The kernel leaves what follows a name as it is in the buffer that it fills. */
static void end_name(char name[XT_EXTENSION_MAXNAMELEN])
{
	size_t used = strnlen(name, XT_EXTENSION_MAXNAMELEN);

	memset(name + used, 0, XT_EXTENSION_MAXNAMELEN - used);
}

/* As match_at(), of an entry that is our own. */
static struct xt_entry_match *own_match_at(const struct xt_family *family, void *entry, size_t *offset)
{
	size_t from = *offset;

	return match_at(family, entry, offset) ? (void *)((char *)entry + from) : NULL;
}

static void end_names(void *entry, const struct xt_family *family)
{
	struct xt_entry_target *target = (void *)((char *)entry + entry_target_offset(family, entry));
	struct xt_entry_match *match;
	size_t offset = family->entry_size;

	while ((match = own_match_at(family, entry, &offset)))
		end_name(match->u.user.name);
	end_name(target->u.user.name);
}

void entry_forget(void *entry, const struct xt_family *family)
{
	const size_t kept = family->at.lengths + 2 * sizeof(uint16_t);
	char *bytes = entry;

	memset(bytes + family->at.mark, 0, family->at.lengths - family->at.mark);
	memset(bytes + kept, 0, family->entry_size - kept);
	end_names(entry, family);
}

void entry_normalise(void *entry, const struct xt_family *family)
{
	unsigned char *bytes = entry;
	struct xt_entry_match *match;
	size_t offset = family->entry_size;

	mask_bytes(bytes + family->at.source, bytes + family->at.source_mask, family->address_size);
	mask_bytes(bytes + family->at.destination, bytes + family->at.destination_mask, family->address_size);
	normalise_interface(bytes + family->at.in, bytes + family->at.in_mask);
	normalise_interface(bytes + family->at.out, bytes + family->at.out_mask);
	entry_forget(entry, family);
	while ((match = own_match_at(family, entry, &offset)))
		normalise_match(match);
}

/* --- comparing -------------------------------------------------------- */

/*
 * What follows a name is as it was in the buffer that the kernel filled, and says nothing.
 * A target begins as a match does.
 */
static bool same_extension(const struct xt_entry_match *a, const struct xt_entry_match *b)
{
	return a->u.match_size == b->u.match_size && a->u.user.revision == b->u.user.revision &&
	       !strcmp(a->u.user.name, b->u.user.name) &&
	       !memcmp(a->data, b->data, a->u.match_size - sizeof(*a));
}

static bool same_match(const struct xt_entry_match *a, const struct xt_entry_match *b)
{
	const uint8_t states = match_states(a);

	return (states && states == match_states(b)) || same_extension(a, b);
}

bool entry_same(const void *a, const void *b, const struct xt_family *family)
{
	const struct xt_entry_target *target = entry_target(family, a);
	const struct xt_entry_target *other = entry_target(family, b);
	const struct xt_entry_match *match, *other_match;
	size_t at = family->entry_size, other_at = at;

	if (memcmp(a, b, family->at.mark))
		return false;
	do {
		match = match_at(family, a, &at);
		other_match = match_at(family, b, &other_at);
		if (!match != !other_match || (match && !same_match(match, other_match)))
			return false;
	} while (match);
	return (!*target->u.user.name && !*other->u.user.name) ||
	       same_extension((const void *)target, (const void *)other);
}
