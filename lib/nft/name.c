/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As they stand in names. */
static const char digits[FAMILIES] = { [IPV4] = '4', [IPV6] = '6' };

const char *nft_service_name(char name[NFT_NAME_ROOM], const char *kind, const char *service)
{
	snprintf(name, NFT_NAME_ROOM, "%s%s", kind, service);
	return name;
}

const char *nft_service_of(const char *name, const char *kind)
{
	size_t size = strlen(kind);

	return strncmp(name, kind, size) ? NULL : name + size;
}

const char *nft_pool_name(char name[NFT_NAME_ROOM], const char *kind,
			  const struct nft_pool_id *id, unsigned int index)
{
	if (index)
		snprintf(name, NFT_NAME_ROOM, "%s%c-%u.%u-%s", kind, digits[id->family],
			 id->length, index + 1, id->service);
	else
		snprintf(name, NFT_NAME_ROOM, "%s%c-%u-%s", kind, digits[id->family], id->length,
			 id->service);
	return name;
}

bool nft_pool_of(const char *name, const char *kind, struct nft_pool_id *id, unsigned int *index)
{
	char again[NFT_NAME_ROOM], service[SERVICE_NAME_MAX + 1], digit;
	const char *rest = nft_service_of(name, kind);
	unsigned int length, number = 1;

	if (!rest || (sscanf(rest, "%c-%3u-%16s", &digit, &length, service) != 3 &&
		      sscanf(rest, "%c-%3u.%9u-%16s", &digit, &length, &number, service) != 4))
		return false;
	*id = (struct nft_pool_id){ .family = digit == digits[IPV6] ? IPV6 : IPV4,
				    .length = length };
	strcpy(id->service, service);
	*index = number - 1;
	/* one way to write it */
	return number && length <= family_bits(id->family) &&
	       !strcmp(nft_pool_name(again, kind, id, *index), name);
}

const char *nft_buckets_name(char name[NFT_NAME_ROOM], const char *service, enum family family,
			     const struct limit_rate *rate)
{
	snprintf(name, NFT_NAME_ROOM, "buckets%c-%" PRIu64 "-%u-%u-%u-%u-%u-%s", digits[family],
		 rate->period, rate->burst, rate->srcmask, rate->htable_max, rate->htable_size,
		 rate->htable_expire_ms, service);
	return name;
}

bool nft_buckets_of(const char *name, const char *service, enum family family,
		    struct limit_rate *rate)
{
	char again[NFT_NAME_ROOM], digit;

	*rate = (struct limit_rate){ .period = 0 };
	return sscanf(name, "buckets%c-%19" SCNu64 "-%9u-%9u-%9u-%9u-%10u-", &digit, &rate->period,
		      &rate->burst, &rate->srcmask, &rate->htable_max, &rate->htable_size,
		      &rate->htable_expire_ms) == 7 &&
	       rate->period && rate->burst && rate->srcmask &&
	       rate->srcmask <= family_bits(family) &&
	       !strcmp(nft_buckets_name(again, service, family, rate), name);
}
