/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of nftables that are not ours. */
#ifndef LIB_NFT_FOREIGN_H
#define LIB_NFT_FOREIGN_H

#include <stddef.h>

/*
 * How many there are in the network namespace of the calling thread, and their names as "ip filter,
 * inet firewalld", as far as they fit.  -EPROTONOSUPPORT: the kernel has no nftables; or -errno.
 */
int nft_foreign_tables(char *names, size_t size);

#endif
