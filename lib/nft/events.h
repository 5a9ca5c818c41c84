/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others, and we, change in nftables, as the kernel tells it. */
#ifndef LIB_NFT_EVENTS_H
#define LIB_NFT_EVENTS_H

#include "support/news.h"

/* As struct backend has them. */
int nft_listen(struct news_queue *queue);
unsigned int nft_hear(struct news_queue *queue);
void nft_sign(struct news_queue *queue);

#endif
