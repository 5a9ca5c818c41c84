/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which rules of the host's chains are ours, and lists of them. */
#include "legacy/grafted.h"

#include <errno.h>
#include <string.h>

#include "legacy/layout.h"
#include "legacy/match.h"
#include "rules/graft.h"
#include "rules/view.h"
#include "support/hash.h"

/* --- which ones ------------------------------------------------------- */

static bool has_comment(const struct xt_family *family, const void *entry)
{
	const struct xt_entry_match *match;
	size_t offset = family->entry_size;

	while ((match = match_at(family, entry, &offset)))
		if (!strcmp(match->u.user.name, "comment") &&
		    !strncmp((const char *)match->data, GRAFT_COMMENT, sizeof(GRAFT_COMMENT)))
			return true;
	return false;
}

bool graft_is(const struct xt_family *family, const void *entry, const char *label)
{
	const struct xt_standard_target *target = (const void *)entry_target(family, entry);

	if (!*target->target.u.user.name && target->verdict >= 0 && name_is_ours(label))
		return true;
	return has_comment(family, entry);
}

/*
 * Its first match asks for UNTRACKED, or for INVALID, which ICMP errors about what is untracked
 * are; and for no other state.
 */
static bool is_twin(const struct xt_family *family, const void *entry)
{
	size_t offset = family->entry_size;
	const struct xt_entry_match *match = match_at(family, entry, &offset);
	const uint8_t states = match ? match_states(match) : 0;

	return states == CT_UNTRACKED || states == CT_INVALID;
}

/* --- hashes ----------------------------------------------------------- */

/* Entries have hundreds of bytes: eight at a time. */
static uint64_t add_to_hash(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word), byte += sizeof(word)) {
		memcpy(&word, byte, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash_bytes(hash, byte, size);
}

/* --- lists ------------------------------------------------------------ */

const char *rule_led_to(const struct rule *rule, const struct xt_family *family)
{
	if (rule->to)
		return rule->to->name;
	return rule->target == TARGET_FOREIGN ?
	       entry_target(family, rule->match->foreign)->u.user.name : NULL;
}

struct grafted *grafted_new(struct ruleset *rules, const struct xt_family *family)
{
	struct grafted *grafted = arena_alloc(&rules->arena, sizeof(*grafted));

	if (grafted)
		*grafted = (struct grafted){ .arena = &rules->arena, .family = family };
	return grafted;
}

/* Anybody may have ten thousand chains with rules of ours. */
static size_t slot_of(const struct grafted *grafted, const char *name)
{
	return hash_text(HASH_BEGIN, name) & (grafted->name_room - 1);
}

struct grafted_chain *grafted_find(const struct grafted *grafted, const char *name)
{
	struct grafted_chain *chain = grafted && grafted->count ?
				      grafted->names[slot_of(grafted, name)] : NULL;

	while (chain && strcmp(chain->name, name))
		chain = chain->next_of_name;
	return chain;
}

static void put_name(struct grafted *grafted, struct grafted_chain *chain)
{
	size_t slot = slot_of(grafted, chain->name);

	chain->next_of_name = grafted->names[slot];
	grafted->names[slot] = chain;
}

/* At least as many slots as chains. */
static int grow_names(struct grafted *grafted)
{
	size_t room = grafted->name_room ? 2 * grafted->name_room : 16;
	struct grafted_chain **names = arena_alloc(grafted->arena, room * sizeof(*names));

	if (!names)
		return -ENOMEM;
	grafted->names = names;
	grafted->name_room = room;
	for (struct grafted_chain *chain = grafted->chains; chain; chain = chain->next)
		put_name(grafted, chain);
	return 0;
}

struct grafted_chain *grafted_add_chain(struct grafted *grafted, const char *name)
{
	struct grafted_chain *chain = arena_alloc(grafted->arena, sizeof(*chain));

	if (!chain || (grafted->count == grafted->name_room && grow_names(grafted)))
		return NULL;
	chain->name = arena_strdup(grafted->arena, name);
	if (!chain->name)
		return NULL;
	*(grafted->last ? &grafted->last->next : &grafted->chains) = chain;
	grafted->last = chain;
	grafted->count++;
	put_name(grafted, chain);
	return chain;
}

struct grafted_rule *grafted_add_rule(struct grafted *grafted, struct grafted_chain *chain,
				      const struct grafted_rule *rule)
{
	struct grafted_rule *rules = arena_grow(grafted->arena, chain->rules, chain->count,
						sizeof(*rules));

	if (!rules)
		return NULL;
	chain->rules = rules;
	chain->rules[chain->count] = *rule;
	return &chain->rules[chain->count++];
}

/* --- a chain of the host ---------------------------------------------- */

/* But for its counters, and for where in the table it leads to. */
static uint64_t add_rule_to_hash(uint64_t hash, const struct xt_family *family, const void *entry,
				 const char *label)
{
	const struct xt_entry_target *target = entry_target(family, entry);
	const struct xt_entry_match *match;
	size_t offset = family->entry_size;

	hash = add_to_hash(hash, entry, family->at.mark);
	while ((match = match_at(family, entry, &offset))) {
		/* what follows the name is as it was in the buffer that the kernel filled */
		hash = add_to_hash(hash, match->u.user.name, strlen(match->u.user.name));
		hash = add_to_hash(hash, match->data, match->u.match_size - sizeof(*match));
	}
	hash = add_to_hash(hash, label, strlen(label) + 1);
	return *target->u.user.name ?
	       add_to_hash(hash, target->data, target->u.target_size - sizeof(*target)) : hash;
}

static int add_found(struct grafted *grafted, struct grafted_chain *chain,
		     const struct xt_family *family, const void *entry, const char *label,
		     unsigned int position)
{
	struct grafted_rule rule = { .before = chain->host_count, .position = position };
	void *copy = entry_copy(entry, label, family, grafted->arena);

	if (!copy)
		return -ENOMEM;
	memcpy(&rule.count, (const char *)entry + family->at.counters, sizeof(rule.count));
	entry_normalise(copy, family);
	rule.entry = copy;
	rule.twin = is_twin(family, entry);
	if (name_is_ours(label)) {
		rule.to = arena_strdup(grafted->arena, label);
		if (!rule.to)
			return -ENOMEM;
	}
	return grafted_add_rule(grafted, chain, &rule) ? 0 : -ENOMEM;
}

/* The list has room for one more than there are rules: for where the chain ends. */
static int note_host_rule(struct grafted *grafted, struct grafted_chain *chain, uint32_t position)
{
	uint32_t *grown = arena_grow(grafted->arena, chain->host_at, chain->host_count,
				     sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	chain->host_at = grown;
	chain->host_at[chain->host_count] = position;
	return 0;
}

/* A jump that a ruleset manages, as it does in raw. */
static bool is_managed(const char *table, const char *label)
{
	return !strcmp(table, table_name(RAW)) && chain_is_top(label);
}

struct grafted_chain *grafted_list(struct grafted *grafted, const struct table *table,
				   const char *name)
{
	const struct xt_family *family = table->family;
	const struct xtc *calls = &xtc[family->family];
	struct grafted_chain *chain = grafted_add_chain(grafted, name);
	uint32_t position = 0;

	if (!chain)
		return NULL;
	for (const void *entry = calls->first_rule(name, table->handle); entry;
	     entry = calls->next_rule(entry, table->handle), position++) {
		const char *label = calls->target(entry, table->handle);

		if (is_managed(table->name, label))
			continue;
		if (graft_is(family, entry, label)) {
			if (add_found(grafted, chain, family, entry, label, position))
				return NULL;
			continue;
		}
		if (note_host_rule(grafted, chain, position))
			return NULL;
		chain->host_count++;
		chain->fingerprint = add_rule_to_hash(chain->fingerprint, family, entry, label);
	}
	for (size_t i = chain->count; i-- > 0 && chain->rules[i].before == chain->host_count;)
		chain->rules[i].before = GRAFT_AT_END;
	return note_host_rule(grafted, chain, position) ? NULL : chain;
}

void grafted_take_jumps(struct ruleset *found, const char *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < found->jump_count; i++)
		if (is_managed(table, found->jumps[i].to->name))
			found->jumps[kept++] = found->jumps[i];
	found->jump_count = kept;
}
