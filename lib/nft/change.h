/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what nftables has of ours to what is wanted. */
#ifndef LIB_NFT_CHANGE_H
#define LIB_NFT_CHANGE_H

#include "nft/image.h"
#include "nft/steps.h"

struct nft_change {
	struct change change;
	struct nft_state fresh;		/* where the image is out of date: what was read since */
	bool is_stale;			/* @fresh is what there is, and not the image's state */
	struct nft_plan plan;
	bool is_planned;		/* from what there is; else it must be read again */
	bool is_counted;		/* what it did was told, and what it is about to do */
	bool answers_stay;		/* the plan goes on untracking answers of what leaves */
	bool goes_back;			/* the plan is to be back at the image's state */
	bool reads_all;			/* all clients, although the model has only changes */
	unsigned int done;		/* phases of the plan that were committed */
	bool was_untracked;		/* packets may be under way that were untracked before */
	bool is_committed;		/* something was, since the image was read */
};

static inline struct nft_change *nft_change_of(struct change *change)
{
	return (struct nft_change *)change;
}

static inline struct nft_image *nft_changed_image(struct nft_change *change)
{
	return nft_image_of(change->change.image);
}

/* What there is, as far as is known. */
static inline struct nft_state *nft_change_have(struct nft_change *change)
{
	return change->is_stale ? &change->fresh : &nft_changed_image(change)->state;
}

int nft_change_begin(struct image *image, const struct wanted *wanted, struct change **change);
void nft_change_end(struct change *change);
int nft_change_diff(struct change *change, FILE *out, struct notrack_changes *changes);

/*
 * Plans, unless there is a plan: reads again where the image is out of date, a bounded
 * number of times.
 */
int nft_change_plan(struct nft_change *change);

/* commit.c */
int nft_change_commit(struct change *change, unsigned int phases, struct notrack_changes *changes);
int nft_change_rollback(struct change *change);

/* phases.c: what is done in which phase. */
void nft_plan_put(const struct nft_plan *plan, unsigned int phases, struct batch *batch);
/* Only our table, which is to be made at @place. */
void nft_plan_put_table(const struct nft_plan *plan, const struct nft_place *place,
			struct batch *batch);
/* Whether something of ours is taken out of chains of others. */
bool nft_plan_closes(const struct nft_plan *plan);
/* A line for each step, where @out is not NULL. */
void nft_plan_report(const struct nft_plan *plan, const struct nft_state *have,
		     unsigned int phases, FILE *out, struct notrack_changes *changes);

/* print_wanted.c */
int nft_print_wanted(const struct session *session, const struct wanted *wanted, FILE *out);
int nft_print_beside(struct image *image, const struct wanted *wanted, FILE *out);

#endif
