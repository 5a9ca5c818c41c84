/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of chains and sets in our table, which carry what they stand for:
 *
 *	service-dns		untracks what the selectors of dns pick
 *	segments-dns		leaves out those of TCP whose flags no segment has
 *	limits-dns		finds out who sent a request of dns
 *	clients4-32-dns		set: clients of dns, single IPv4 addresses
 *	clients4-32.2-dns	set: more of them, when that one was full
 *	limit4-32-dns		chain: the limit of most of them
 *	limit4-32.2-dns		chain: another limit, of those
 *	members4-32.2-dns	in this set
 *	dropped4-32-dns		set: what was dropped, by client
 *	buckets4-100000-20-32-0-0-2000-dns
 *				set: what the sources of a limit have sent lately
 */
#ifndef LIB_NFT_NAME_H
#define LIB_NFT_NAME_H

#include "model/limit.h"
#include "model/service.h"
#include "nft/table.h"

#define NFT_SERVICE "service-"
#define NFT_SEGMENTS "segments-"
#define NFT_LIMITS "limits-"
#define NFT_CLIENTS "clients"
#define NFT_MEMBERS "members"
#define NFT_LIMIT "limit"
#define NFT_DROPPED "dropped"

/* Clients of one service whose prefixes have one length. */
struct nft_pool_id {
	char service[SERVICE_NAME_MAX + 1];
	enum family family;
	unsigned int length;
};

const char *nft_service_name(char name[NFT_NAME_ROOM], const char *kind, const char *service);
/* The service, in @name; NULL: it is not of that kind. */
const char *nft_service_of(const char *name, const char *kind);

/* @index: 0 for the first of its kind. */
const char *nft_pool_name(char name[NFT_NAME_ROOM], const char *kind,
			  const struct nft_pool_id *id, unsigned int index);
bool nft_pool_of(const char *name, const char *kind, struct nft_pool_id *id, unsigned int *index);

/* A bucket keeps the rate that it was made with, so a changed limit needs another set. */
const char *nft_buckets_name(char name[NFT_NAME_ROOM], const char *service, enum family family,
			     const struct limit_rate *rate);
bool nft_buckets_of(const char *name, const char *service, enum family family,
		    struct limit_rate *rate);

#endif
