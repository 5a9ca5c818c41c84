/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What our rules and sets have counted. */
#include "nft/image.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* --- services ----------------------------------------------------------- */

/* Each family has a rule of its own in the chain of a service. */
static bool sum_untracked(const struct nft_chain *chain, enum family family,
			  struct notrack_count *sum)
{
	bool found = false;

	*sum = (struct notrack_count){ 0 };
	for (size_t i = 0; i < chain->count; i++) {
		if (!chain->rules[i].notrack || !nft_rule_is_of(&chain->rules[i], family))
			continue;
		count_add(sum, &chain->rules[i].count);
		found = true;
	}
	return found;
}

/* Of one chain of ours, whose accepts have the service in their comments. */
static struct notrack_count sum_accepted(const struct nft_host_table *table,
					 const struct nft_chain *chain, const char *service,
					 enum family family)
{
	uint8_t protocol = family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct notrack_count sum = { 0 };

	for (size_t i = 0; i < chain->count; i++) {
		const struct nft_rule *rule = &chain->rules[i];

		if (rule->target == TARGET_ACCEPT && rule->comment &&
		    !strcmp(rule->comment, service) &&
		    (table->place.family == protocol || nft_rule_is_of(rule, family)))
			count_add(&sum, &rule->count);
	}
	return sum;
}

/*
 * A packet passes all base chains of a hook, and may be accepted in several tables: it is
 * counted once, in the table that has most.
 */
static struct notrack_count count_accepted(const struct nft_host *host, const char *service,
					   enum family family)
{
	struct notrack_count most = { 0 };

	for (size_t i = 0; i < host->count; i++) {
		const struct nft_table *table = &host->list[i]->table;
		struct notrack_count sum = { 0 };

		for (size_t j = 0; j < table->chain_count; j++) {
			const struct notrack_count chain =
				nft_chain_is_ours(table->chains[j]) ?
				sum_accepted(host->list[i], table->chains[j], service, family) :
				(struct notrack_count){ 0 };

			count_add(&sum, &chain);
		}
		if (sum.packets > most.packets)
			most = sum;
	}
	return most;
}

static int count_service(const struct nft_image *image, const struct nft_chain *chain,
			 enum family family, const struct count_visitor *visitor)
{
	const char *name = nft_service_of(chain->name, NFT_SERVICE);
	const struct nft_host *host = &image->state.host;
	struct notrack_count untracked, accepted;

	if (!sum_untracked(chain, family, &untracked))
		return 0;
	accepted = count_accepted(host, name, family);
	return visitor->service(name, family, &untracked, &accepted, visitor->data);
}

static int count_services(const struct nft_image *image, const struct count_visitor *visitor)
{
	const struct nft_table *table = &image->state.table;
	int result = 0;

	for (size_t i = 0; i < table->chain_count; i++) {
		if (!nft_service_of(table->chains[i]->name, NFT_SERVICE))
			continue;
		for (enum family family = IPV4; family < FAMILIES && !result; family++)
			if (image->image.session.families & 1u << family)
				result = count_service(image, table->chains[i], family, visitor);
	}
	return result;
}

/* --- clients ------------------------------------------------------------ */

static int count_client(const struct nft_pool *pool, const struct nft_element *client,
			const struct count_visitor *visitor)
{
	struct client_counts counts = {
		.prefix = { .length = (uint8_t)pool->id.length,
			    .family = (uint8_t)pool->id.family },
		.seen = client->count,
	};

	memcpy(counts.prefix.address, client->key, sizeof(counts.prefix.address));
	for (size_t i = 0; i < pool->dropped.count; i++) {
		const struct nft_element *dropped = elements_lookup(&pool->dropped.list[i].elements,
								    client->key);

		if (dropped)
			count_add(&counts.dropped, &dropped->count);
	}
	counts.passed = count_less(&counts.seen, &counts.dropped);
	return visitor->client(pool->id.service, &counts, visitor->data);
}

static int count_pool(const struct nft_pool *pool, const struct count_visitor *visitor)
{
	int result = 0;

	for (size_t i = 0; i < pool->clients.count; i++) {
		const struct nft_elements *clients = &pool->clients.list[i].elements;

		for (size_t j = 0; j < clients->count && !result; j++)
			result = count_client(pool, &clients->list[j], visitor);
	}
	return result;
}

int nft_image_count(struct image *base, const struct count_visitor *visitor)
{
	const struct nft_image *image = nft_image_of(base);
	int result = visitor->service ? count_services(image, visitor) : 0;

	for (size_t i = 0; visitor->client && i < image->state.pools.count && !result; i++)
		if (base->session.families & 1u << image->state.pools.list[i].id.family)
			result = count_pool(&image->state.pools.list[i], visitor);
	return result;
}
