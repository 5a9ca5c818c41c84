/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of nftables as a view. */
#ifndef LIB_NFT_VIEW_H
#define LIB_NFT_VIEW_H

#include "backend.h"

/*
 * As struct backend has it: tables of families ip, ip6 and inet whole, as of one moment, the
 * others by name; all of them, whatever families are asked for.  The handle of a rule is the
 * kernel's.  The session's tape, which may be NULL, has what was read of that moment already.
 */
int nft_view(const struct session *session, struct image *image, struct view *view);

#endif
