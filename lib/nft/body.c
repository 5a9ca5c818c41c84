/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/body.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>

static bool has_set(const struct nft_body *body, const char *name)
{
	for (const struct nft_body_set *set = body->sets; set; set = set->next)
		if (!strcmp(set->name, name))
			return true;
	return false;
}

/* Sets that have a name stay where they are, and are referred to. */
static int read_sets(struct nft_body *body, struct view_reader *reader,
		     const struct view_table *table, struct arena *arena)
{
	const struct expressions all = expressions_of(body->expressions, body->size);
	int err = 0;

	for (size_t i = 0; i < all.count && !err; i++) {
		const struct expression_parts parts = expression_parts(all.list[i]);
		const char *name = expression_set(&parts);
		const struct view_set *set = name ? reader_find_set(reader, table, name) : NULL;

		if (set && set->flags & NFT_SET_ANONYMOUS && !has_set(body, name))
			err = nft_body_read_set(body, reader, table, name, arena);
	}
	return err;
}

static int read_elements(struct view_reader *reader)
{
	int err = 0;

	for (size_t i = 0; i < reader->view->step_count && !err; i++)
		err = reader_read_step(reader, &reader->view->steps[i]);
	return err;
}

/* What matches of xtables that look into a header are to know. */
static uint8_t protocol_of(const struct view *view)
{
	for (size_t i = 0; i < view->step_count; i++) {
		const struct step *step = &view->steps[i];

		if (step->kind == STEP_NUMBER && step->field == FIELD_PROTOCOL &&
		    !(step->flags & STEP_INVERTED) && step->range.first == step->range.last)
			return (uint8_t)step->range.first;
	}
	return 0;
}

int nft_body_complete(struct nft_body *body, struct view_reader *reader, struct view_chain *chain,
		      struct arena *arena)
{
	uint8_t from[VIEW_STEPS_MAX];
	int err = read_sets(body, reader, chain->table, arena);

	if (!err)
		err = reader_run(reader, chain, body->expressions, body->size, from);
	if (!err)
		err = read_elements(reader);
	if (err)
		return err;
	body->protocol = protocol_of(reader->view);
	return nft_body_describe(body, reader, chain->table, from, arena);
}

bool nft_body_same(const struct nft_body *a, const struct nft_body *b)
{
	return a->essence_size == b->essence_size &&
	       !memcmp(a->essence, b->essence, a->essence_size);
}
