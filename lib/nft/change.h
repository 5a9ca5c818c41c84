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
	bool is_outdated;		/* and neither is: it must be read again */
	struct nft_plan plan;
	struct nft_steps steps;
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

/* Plans anew, from what there is. */
int nft_change_plan(struct nft_change *change);

/* commit.c */
void nft_steps_put(const struct nft_steps *steps, const struct nft_plan *plan,
		   const struct nft_place *place, struct batch *batch);
int nft_change_commit(struct change *change, unsigned int phases, struct notrack_changes *changes);
int nft_change_rollback(struct change *change);

/* print_change.c */
int nft_print_wanted(const struct session *session, const struct wanted *wanted, FILE *out);
/* A line for each step, where @out is not NULL. */
void nft_steps_report(const struct nft_steps *steps, const struct nft_state *have,
		      const struct nft_plan *plan, FILE *out, struct notrack_changes *changes);

#endif
