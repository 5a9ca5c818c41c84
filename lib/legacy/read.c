/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is ours in a table: our chains, and the rules of others that lead to them. */
#include "legacy/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/check.h"
#include "legacy/grafted.h"
#include "support/memory.h"
#include "support/search.h"

/* A chain of the table. */
struct place {
	const char *name;	/* libiptc's own: as long as the handle lives */
	struct chain *ours;	/* NULL: of others */
	uint32_t rules;		/* where they begin in the kernel's table, and */
	uint32_t target;	/* where jumps to the chain lead; 0: there are none */
	size_t edge, edges;	/* to which chains of others its rules lead */
	bool reached;
};

struct reading {
	const struct xtc *calls;
	const struct xt_family *family;
	struct xtc_handle *handle;
	struct ruleset *found;
	const struct table *table;
	struct place *places;	/* the built-in ones, then the others by name */
	size_t count, builtin_count;
	size_t *edges;
	size_t edge_count;
	struct xtc_entries entries;	/* of the chain that is being read */
	const char *label;	/* the last one looked up, and its chain */
	struct place *labelled;
	uint32_t offset, number;	/* in the kernel's table, of what is read next */
	bool wild;		/* a jump leads to where no chain begins */
};

static int list_chains(struct reading *reading)
{
	struct place *grown;

	for (const char *name = reading->calls->first_chain(reading->handle); name;
	     name = reading->calls->next_chain(reading->handle)) {
		grown = memory_grow(reading->places, reading->count, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		reading->places = grown;
		grown[reading->count++] = (struct place){ .name = name };
	}
	while (reading->builtin_count < reading->count &&
	       reading->calls->builtin(reading->places[reading->builtin_count].name,
				       reading->handle))
		reading->builtin_count++;
	for (size_t i = reading->builtin_count; i < reading->count; i++) {
		struct place *place = &reading->places[i];

		if (!name_is_ours(place->name))
			continue;
		place->ours = ruleset_add_chain(reading->found, place->name);
		if (!place->ours)
			return -ENOMEM;
	}
	return 0;
}

static int compare_name(const void *name, const void *place)
{
	return strcmp(name, ((const struct place *)place)->name);
}

/* A chain that rules can lead to, by its name. */
static struct place *find_place(struct reading *reading, const char *name)
{
	struct place *place;

	if (name == reading->label)	/* most rules of clients lead to the same few limits */
		return reading->labelled;
	place = search(name, reading->places + reading->builtin_count,
		       reading->count - reading->builtin_count, sizeof(*place), compare_name);
	if (place) {
		reading->label = name;
		reading->labelled = place;
	}
	return place;
}

/*
 * The chain that the next rule leads to, or NULL.  libiptc takes a jump into the
 * middle of a chain for one to its beginning, so see that all jumps lead to one point.
 */
static struct place *led_to(struct reading *reading, const void *entry, const char *label)
{
	const struct xt_standard_target *target = (const void *)entry_target(reading->family, entry);
	struct place *place;

	reading->offset += entry_next(reading->family, entry);
	if (*target->target.u.user.name || target->verdict < 0 ||
	    (!*label && (uint32_t)target->verdict == reading->offset))
		return NULL;
	place = find_place(reading, label);
	if (!place || (place->target && place->target != (uint32_t)target->verdict))
		reading->wild = true;
	else
		place->target = (uint32_t)target->verdict;
	return place;
}

/* --- chains ----------------------------------------------------------- */

/* The second rule of a client belongs to the limit of the first. */
static void pair_rules(struct chain *chain)
{
	for (size_t i = 1; i < chain->count; i++) {
		const struct rule *first = &chain->rules[i - 1];
		struct rule *second = &chain->rules[i];

		if (first->target == TARGET_JUMP && !second->match &&
		    (second->target == TARGET_NONE || second->target == TARGET_RETURN) &&
		    !prefix_compare(&first->source, &second->source))
			second->to = first->to;
	}
}

/* The chain itself, or where it is of others one without rules. */
static struct chain *chain_at(struct reading *reading, const struct place *place)
{
	struct chain *elsewhere;

	if (place->ours)
		return place->ours;
	elsewhere = arena_alloc(&reading->found->arena, sizeof(*elsewhere));
	if (elsewhere)
		strncpy(elsewhere->name, place->name, CHAIN_NAME_FOUND);
	return elsewhere;
}

static int read_rules(struct reading *reading, struct chain *chain)
{
	int err = chain_reserve(chain, reading->entries.count);

	for (size_t i = 0; i < reading->entries.count && !err; i++) {
		const void *entry = reading->entries.list[i];
		const char *label = reading->calls->target(entry, reading->handle);
		const struct place *place = led_to(reading, entry, label);
		struct chain *to = place ? chain_at(reading, place) : NULL;

		err = !place || to ? entry_decode(&chain->rules[chain->count++], entry, label, to,
						  reading->family, &reading->found->arena) : -ENOMEM;
	}
	if (!err)
		pair_rules(chain);
	return err;
}

static int add_jump(struct reading *reading, const struct place *from, const void *entry,
		    unsigned int position, struct place *to)
{
	struct ruleset *found = reading->found;
	struct jump jump = { .position = position, .to = to->ours };

	jump.chain = arena_strdup(&found->arena, from->name);
	jump.entry = entry_copy(entry, to->name, reading->family, &found->arena);
	return jump.chain && jump.entry ? ruleset_add_jump(found, &jump) : -ENOMEM;
}

static int add_edge(struct reading *reading, struct place *from, const struct place *to)
{
	size_t *grown = memory_grow(reading->edges, reading->edge_count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	reading->edges = grown;
	grown[reading->edge_count++] = (size_t)(to - reading->places);
	from->edges++;
	return 0;
}

/* Somebody's chain: which of its rules enter ours. */
static int read_jumps(struct reading *reading, struct place *place)
{
	bool grafted = false;
	int err = 0;

	place->edge = reading->edge_count;
	for (size_t i = 0; i < reading->entries.count && !err; i++) {
		const void *entry = reading->entries.list[i];
		const char *label = reading->calls->target(entry, reading->handle);
		struct place *to = led_to(reading, entry, label);

		grafted |= graft_is(reading->family, entry, label);
		if (to)
			err = to->ours ? add_jump(reading, place, entry, (unsigned int)i, to) :
					 add_edge(reading, place, to);
	}
	if (!err && grafted && !grafted_list(reading->found->grafted, reading->table, place->name))
		err = -ENOMEM;
	return err;
}

static int read_place(struct reading *reading, struct place *place)
{
	const struct xt_family *family = reading->family;
	bool builtin = place < reading->places + reading->builtin_count;
	int err = xtc_list(&reading->entries, family->family, place->name, reading->handle);

	if (err)
		return err;
	if (!builtin)
		reading->offset += entry_head_size(family);
	place->rules = reading->offset;
	reading->number += (uint32_t)reading->entries.count + 1 + !builtin;
	err = place->ours ? read_rules(reading, place->ours) : read_jumps(reading, place);
	reading->offset += entry_foot_size(family);
	return err;
}

/* --- what is unreachable ---------------------------------------------- */

/* Marks the chains of others that rules of the built-in chain @home lead to. */
static int mark_reached(struct reading *reading, struct place *home)
{
	size_t *pending = malloc((reading->count + 1) * sizeof(*pending)), count = 0;

	if (!pending)
		return -ENOMEM;
	for (size_t i = 0; i < reading->count; i++)
		reading->places[i].reached = false;
	home->reached = true;
	pending[count++] = (size_t)(home - reading->places);
	while (count) {
		const struct place *place = &reading->places[pending[--count]];

		for (size_t i = 0; i < place->edges; i++) {
			size_t next = reading->edges[place->edge + i];

			if (reading->places[next].reached)
				continue;
			reading->places[next].reached = true;
			pending[count++] = next;
		}
	}
	free(pending);
	return 0;
}

static bool is_reached(struct reading *reading, const char *chain)
{
	const struct place *place = find_place(reading, chain);

	for (size_t i = 0; i < reading->builtin_count && !place; i++)
		if (!strcmp(reading->places[i].name, chain))
			place = &reading->places[i];
	return place && place->reached;
}

/*
 * Marks jumps in chains that are unreachable from their built-in chain; a diff
 * must not take them for the jump.
 */
static int find_unreachable(struct reading *reading)
{
	struct ruleset *found = reading->found;

	for (size_t i = 0; i < reading->builtin_count; i++) {
		struct place *home = &reading->places[i];
		int err = found->jump_count ? mark_reached(reading, home) : 0;

		if (err)
			return err;
		for (size_t j = 0; j < found->jump_count; j++) {
			struct jump *jump = &found->jumps[j];

			if (!strcmp(chain_builtin(jump->to->name), home->name))
				jump->unreachable = !is_reached(reading, jump->chain);
		}
	}
	return 0;
}

/* --- all -------------------------------------------------------------- */

/* libiptc keeps chains in order of name, and so does who uses it: else this is no proof. */
static void find_wild(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++)
		reading->wild |= reading->places[i].target &&
				 reading->places[i].target != reading->places[i].rules;
}

static int read_all(struct reading *reading)
{
	int err = list_chains(reading);

	for (size_t i = 0; i < reading->count && !err; i++)
		err = read_place(reading, &reading->places[i]);
	reading->number++;	/* the end of the table is an entry, too */
	find_wild(reading);
	return err ? err : find_unreachable(reading);
}

int table_read(struct table *table, struct ruleset *found, struct error *error)
{
	struct reading reading = { .family = table->family, .handle = table->handle,
				   .calls = &xtc[table->family->family], .found = found,
				   .table = table };
	int err;

	found->found = true;
	found->grafted = grafted_new(found, table->family);
	xtc_lock();
	err = found->grafted ? read_all(&reading) : -ENOMEM;
	xtc_unlock();
	table->user_chains = reading.count - reading.builtin_count;
	free(reading.places);
	free(reading.edges);
	free(reading.entries.list);
	if (!err && reading.wild && table_check(table->family, table->name, error) > 0)
		return -EIO;
	if (!err && table->doubtful && reading.number != table_entries(table->family, table->name))
		err = -ENOMEM;
	if (!err)
		err = ruleset_sort(found);
	return err ? error_set(error, -ENOMEM, "table %s (%s): out of memory", table->name,
			       table->family->name) : 0;
}
