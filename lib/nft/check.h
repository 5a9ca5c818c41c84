/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host's nftables have of what a commit needs, and what its limits do now. */
#ifndef LIB_NFT_CHECK_H
#define LIB_NFT_CHECK_H

#include "backend.h"

int nft_probe(const struct session *session);
/* Whether somebody else filters what comes in or goes out; or -errno. */
int nft_filters(const struct session *session);
void nft_check(const struct session *session, const struct check_visitor *visitor);
int nft_buckets(const struct session *session, const char *service, const struct clients *clients,
		enum family family, int (*visit)(const struct bucket *bucket, void *data),
		void *data);

#endif
