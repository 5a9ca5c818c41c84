/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/check.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "nft/change.h"
#include "nft/question.h"

static int open_netlink(struct netlink *netlink, struct error *error)
{
	int err = netlink_open(netlink, NETLINK_NETFILTER);

	if (err == -EPROTONOSUPPORT)
		return error_set(error, err, "the kernel has no nftables: build it with "
				 "CONFIG_NF_TABLES and CONFIG_NETFILTER_NETLINK");
	return err ? netlink_explain(err, "no netlink socket can be had", error) : 0;
}

/* --- what the kernel has ------------------------------------------------ */

/* A service with a limited client in each family: every kind of rule and set that we make. */
static int make_sample(struct model *model, struct error *error)
{
	static const char *const prefixes[FAMILIES] = { "192.0.2.0/24", "2001:db8::/64" };
	const struct notrack_service words = { .size = sizeof(words), .name = "dns" };
	const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec" };
	unsigned int families = NOTRACK_ANY;
	struct service *service;
	int err = service_parse(&service, &words, &families, error);

	if (err)
		return err;
	err = model_put_service(model, service, families, families);
	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		struct limit_rate rate;
		struct prefix prefix;

		err = limit_parse(&rate, &limit, family, error);
		if (!err)
			err = prefix_parse(&prefix, prefixes[family], error);
		if (!err)
			err = clients_add(&model->families[family].served[0].clients, &prefix, 1,
					  &rate);
	}
	service_unref(service);
	return err == -ENOMEM ? error_set(error, err, "out of memory") : err;
}

static int make_plan(struct nft_plan *plan, struct error *error)
{
	const struct nft_pools no_pools = { .count = 0 };
	const struct nft_table no_table = { .exists = false };
	struct model model = { .families = { { .count = 0 } } };
	int err = make_sample(&model, error);

	if (!err && nft_plan_clients(plan, &no_pools, &model, NOTRACK_ANY))
		err = error_set(error, -ENOMEM, "out of memory");
	if (!err)
		err = nft_lower(&plan->table, &model, &plan->pools, true, NULL, error);
	if (!err && nft_steps_make(&plan->steps, &no_table, &plan->table, true))
		err = error_set(error, -ENOMEM, "out of memory");
	model_free(&model);
	return err;
}

/* A batch without an end is checked, and changes nothing. */
static int try_sample(struct netlink *netlink, struct error *error)
{
	static const struct nft_place place = { .family = NFPROTO_INET,
					      .table = NFT_TABLE "-probe" };
	struct nft_plan plan = { .edit_count = 0 };
	struct batch batch;
	int err = make_plan(&plan, error);

	batch_begin(&batch, netlink);
	if (!err) {
		nft_plan_put_table(&plan, &place, &batch);
		err = batch_try(&batch, error);
	}
	batch_free(&batch);
	nft_plan_free(&plan);
	return err;
}

int nft_probe(const struct session *session)
{
	uint32_t generation;
	struct netlink netlink;
	int err = open_netlink(&netlink, session->error);

	if (!err)
		err = read_generation(&netlink, &generation, session->error);
	if (!err)
		err = try_sample(&netlink, session->error);
	netlink_close(&netlink);
	return err;
}

/* --- who else filters --------------------------------------------------- */

/* A chain that lets everything through and has no rules filters nothing. */
static bool filters(const struct nft_host_table *table)
{
	enum direction direction;

	for (size_t i = 0; i < table->table.chain_count && !table->table.is_dormant; i++) {
		const struct nft_chain *chain = table->table.chains[i];

		if (nft_chain_filters(chain, &direction) &&
		    (chain->use || chain->hook.policy == NF_DROP))
			return true;
	}
	return false;
}

int nft_filters(const struct session *session)
{
	struct nft_host host = { .count = 0 };
	uint32_t generation;
	struct netlink netlink;
	int result = open_netlink(&netlink, session->error);

	if (!result)
		result = read_generation(&netlink, &generation, session->error);
	if (!result)
		result = nft_host_read(&host, &netlink, session->error);
	for (size_t i = 0; i < host.count && !result; i++)
		result = filters(host.list[i]);
	nft_host_free(&host);
	netlink_close(&netlink);
	return result == -EPROTONOSUPPORT ? 0 : result;
}

/* --- limits ------------------------------------------------------------- */

struct checking {
	const struct check_visitor *visitor;
	struct netlink netlink;
	struct nft_state state;
};

/* The last rule of a limit's chain counts what was dropped and has no place in the set. */
static void check_dropped(struct checking *checking, const struct nft_chain *chain)
{
	struct nft_pool_id id;
	unsigned int index;

	if (!nft_pool_of(chain->name, NFT_LIMIT, &id, &index) || !chain->count ||
	    !chain->rules[chain->count - 1].count.packets)
		return;
	check_tell(checking->visitor, "nftables", NOTRACK_WARNING, 0, "service %s: %llu packets were "
		   "dropped that no client's counter has, since the set of what is dropped was full",
		   id.service, (unsigned long long)chain->rules[chain->count - 1].count.packets);
}

static void check_buckets(struct checking *checking, const struct nft_set *set,
			  const char *service, enum family family)
{
	struct nft_elements elements;
	struct limit_rate rate;

	if (!nft_buckets_of(set->name, service, family, &rate))
		return;
	if (rate.htable_size)
		check_tell(checking->visitor, "nftables", NOTRACK_WARNING, 0, "service %s: a limit asks "
			   "for %u hash slots, of which nftables has as many as it takes; it "
			   "remembers %u sources, as many as the legacy tables would", service,
			   rate.htable_size, limit_sources_max(&rate));
	if (elements_read(&checking->netlink, &nft_own_place, set, &elements))
		return;
	if (elements.count >= set->size)
		check_tell(checking->visitor, "nftables", NOTRACK_WARNING, 0, "service %s: a limit knows "
			   "%zu sources, and has room for no more: requests of others are dropped until "
			   "some have been quiet for %u ms", service, elements.count,
			   rate.htable_expire_ms);
	elements_free(&elements);
}

static void check_limits(struct checking *checking)
{
	const struct nft_pools *pools = &checking->state.pools;
	const struct nft_table *table = &checking->state.table;

	for (size_t i = 0; i < table->chain_count; i++)
		check_dropped(checking, table->chains[i]);
	for (size_t i = 0; i < pools->count; i++) {
		const struct nft_pool_id *id = &pools->list[i].id;

		if (i && pools->list[i - 1].id.family == id->family &&
		    !strcmp(pools->list[i - 1].id.service, id->service))
			continue;	/* they share their buckets */
		for (size_t j = 0; j < table->set_count; j++)
			check_buckets(checking, table->sets[j], id->service, id->family);
	}
}

void nft_check(const struct session *session, const struct check_visitor *visitor)
{
	struct checking checking = { .visitor = visitor };
	int err = nft_probe(session);

	if (err) {
		check_tell(visitor, "nftables", NOTRACK_FAILED, err, "%s", session->error->text);
		return;
	}
	check_tell(visitor, "nftables", NOTRACK_OK, 0, "has all that rules and limits take");
	err = open_netlink(&checking.netlink, session->error);
	if (!err)
		err = nft_state_read(&checking.state, &checking.netlink, 0, session->error);
	if (err)
		check_tell(visitor, "nftables", NOTRACK_WARNING, err, "%s", session->error->text);
	else
		check_limits(&checking);
	nft_state_free(&checking.state);
	netlink_close(&checking.netlink);
}

/* --- sources that limits count ------------------------------------------ */

static int visit_set(struct netlink *netlink, const char *service, enum family family,
		     const struct limit_rate *rate,
		     int (*visit)(const struct bucket *bucket, void *data), void *data)
{
	char name[NFT_NAME_ROOM];
	const struct nft_set set = {
		.name = nft_buckets_name(name, service, family, rate),
		.key_size = family_bits(family) / 8,
	};
	struct nft_elements elements;
	int result = elements_read(netlink, &nft_own_place, &set, &elements);

	if (result)	/* in the model, but not in the kernel */
		return result == -ENOENT ? 0 : result;
	for (size_t i = 0; i < elements.count && !result; i++) {
		const struct nft_element *element = &elements.list[i];
		struct bucket bucket = {
			.source = { .length = (uint8_t)rate->srcmask, .family = (uint8_t)family },
			.rate = rate,
			/* the kernel's dump of a limit has no tokens: nft_limit_dump() */
			.available = UINT32_MAX,
			.expires_ms = (uint32_t)element->expires_ms,
		};

		memcpy(bucket.source.address, element->key, sizeof(bucket.source.address));
		result = visit(&bucket, data);
	}
	elements_free(&elements);
	return result;
}

int nft_buckets(const struct session *session, const char *service, const struct clients *clients,
		enum family family, int (*visit)(const struct bucket *bucket, void *data),
		void *data)
{
	struct netlink netlink;
	int result = open_netlink(&netlink, session->error);

	for (const struct limit *limit = clients->limits; limit && !result; limit = limit->next)
		result = visit_set(&netlink, service, family, &limit->rate, visit, data);
	netlink_close(&netlink);
	if (result >= 0 || *session->error->text)
		return result;
	return question_give_up(question_explain(result, "the sources that limits count", session->error),
				session->error);
}
