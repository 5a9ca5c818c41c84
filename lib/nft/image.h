/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What nftables has of ours, as read at one moment. */
#ifndef LIB_NFT_IMAGE_H
#define LIB_NFT_IMAGE_H

#include "backend.h"
#include "nft/plan.h"
#include "nft/read.h"
#include "nft/sight.h"

/* What was read, of one generation of the kernel's rules. */
struct nft_state {
	uint32_t generation;
	struct nft_table table;
	struct nft_pools pools;
	struct nft_host host;
};

struct nft_image {
	struct image image;
	struct netlink netlink;
	bool is_supported;		/* false: the kernel has no nftables, and nothing of ours */
	struct nft_state state;
};

/* Where our table is. */
extern const struct nft_place nft_own_place;

static inline struct nft_image *nft_image_of(struct image *image)
{
	return (struct nft_image *)image;
}

int nft_image_read(const struct session *session, unsigned int parts, struct image **image);
void nft_image_release(struct image *image);
bool nft_image_is_used(const struct image *image);
bool nft_image_untracks(const struct image *image);
bool nft_image_is_local_only(const struct image *image);

/*
 * Reads our table, and of the tables of others what is ours; with the clients of the pools
 * in @families.  An empty state also where it fails.
 */
int nft_state_read(struct nft_state *state, struct netlink *netlink, unsigned int families,
		   struct error *error);
/*
 * Also has the tables of others as nft_sight_host() has them, with the chains that @also
 * has, which may be NULL.
 */
int nft_state_see_host(struct nft_state *state, struct nft_sight *sight,
		       const struct nft_host *also, struct error *error);
void nft_state_free(struct nft_state *state);

/* What was read, as the model has it. */
int nft_image_raise(struct image *image, unsigned int parts, struct model *model);
int nft_image_has_client(struct image *image, const char *service, const struct prefix *prefix);
/* count.c */
int nft_image_count(struct image *image, const struct count_visitor *visitor);

#endif
