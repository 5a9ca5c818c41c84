/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grafts that are wanted in tables of others, and those that are there. */
#ifndef LIB_NFT_GRAFT_PLAN_H
#define LIB_NFT_GRAFT_PLAN_H

#include "nft/host_plan.h"
#include "nft/sight.h"

/*
 * What each table of @host, as nft_sight_host() has it, is to become: what is ours there
 * becomes the grafts of the sight.  @plan refers to @host, and not to the sight.
 * 0, or -errno with a sentence: GRAFT_OUTDATED where the rules are not those any more that the
 * grafts were made for, -EOPNOTSUPP; -EAGAIN.
 */
int nft_grafts_make(struct nft_host_plan *plan, const struct nft_host *host,
		    struct nft_sight *sight, struct error *error);

#endif
