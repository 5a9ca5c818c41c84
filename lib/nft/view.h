/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of nftables as a view. */
#ifndef LIB_NFT_VIEW_H
#define LIB_NFT_VIEW_H

#include "rules/view.h"
#include "support/error.h"
#include "support/tape.h"

/*
 * Adds all tables of the calling thread's network namespace: those of families
 * ip, ip6 and inet whole, as of one moment, the others by name.  The handle of a
 * rule is the kernel's.  @tape, which may be NULL, has what was read of that moment already.
 */
int nft_view(struct view *view, struct tape *tape, struct error *error);

#endif
