/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/lower.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

#include "nft/describe.h"
#include "nft/pool_lower.h"
#include "nft/selectors.h"

/* Ahead of the host's own chains at this hook. */
#define PRIORITY_LIMITS (NF_IP_PRI_FILTER - 1)

struct lowering {
	struct nft_table *table;
	const struct model *model;
	const struct nft_pools *pools;
	bool local_only;
	struct error *error;
	struct nft_chain *raw[DIRECTIONS];	/* prerouting, output */
	struct nft_chain *limits;		/* input; NULL: no limits */
	struct nft_chain *errors[FAMILIES][DIRECTIONS];	/* about our packets; NULL: none */
};

static int fail(const struct lowering *lowering, int err)
{
	if (err == -E2BIG)
		return error_set(lowering->error, -EINVAL, "a service asks more of a packet than one "
				 "rule of nftables holds");
	return err ? error_set(lowering->error, err, "out of memory") : 0;
}

/* --- chains ------------------------------------------------------------- */

static struct nft_chain *add_base(struct nft_table *table, const char *name, uint32_t hook,
				  int32_t priority)
{
	struct nft_chain *chain = nft_table_add_chain(table, name);

	if (!chain)
		return NULL;
	chain->is_base = true;
	chain->hook = (struct nft_hook){ .number = hook, .priority = priority,
					 .policy = NF_ACCEPT, .is_filter = true };
	return chain;
}

static struct nft_chain *errors_chain(struct lowering *lowering, enum family family,
				      enum direction direction)
{
	static const char *const names[FAMILIES][DIRECTIONS] = {
		[IPV4] = { "errors4-in", "errors4-out" },
		[IPV6] = { "errors6-in", "errors6-out" },
	};
	struct nft_chain **chain = &lowering->errors[family][direction];

	if (!*chain)
		*chain = nft_table_add_chain(lowering->table, names[family][direction]);
	return *chain;
}

/* --- services ----------------------------------------------------------- */

static const struct served *served_in(const struct lowering *lowering, const char *name,
				      enum family family)
{
	return model_find((struct family_model *)&lowering->model->families[family], name);
}

static int add_counted(struct lowering *lowering, struct nft_chain *chain, enum family family)
{
	const struct nft_field field = nft_meta_field(NFT_META_NFPROTO, 1);
	struct nft_draft draft;

	nft_draft_begin(&draft);
	nft_draft_byte(&draft, &field, family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	draft.rule.counts = true;
	draft.rule.notrack = true;
	draft.rule.target = TARGET_ACCEPT;
	return nft_chain_add(lowering->table, chain, &draft);
}

/* The chain that untracks; described once where both families have the same. */
static int add_service_chain(struct lowering *lowering, const char *name)
{
	const struct served *served[FAMILIES];
	char chain_name[NFT_NAME_ROOM];
	struct nft_chain *chain = nft_table_add_chain(lowering->table,
					nft_service_name(chain_name, NFT_SERVICE, name));
	int err = chain ? 0 : -ENOMEM;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		served[family] = served_in(lowering, name, family);
		if (!err && served[family])
			err = add_counted(lowering, chain, family);
	}
	if (!err && served[IPV4] && served[IPV6] &&
	    service_same(served[IPV4]->service, served[IPV6]->service))
		return nft_describe(lowering->table, chain, served[IPV4]->service, NOTRACK_ANY);
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (served[family])
			err = nft_describe(lowering->table, chain, served[family]->service,
					   1u << family);
	return err;
}

static int select_all(const struct lowering *lowering, const char *name, enum nft_flows flows,
		      struct nft_selection *selection)
{
	int err = 0;

	*selection = (struct nft_selection){ 0 };
	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		const struct served *served = served_in(lowering, name, family);

		if (served)
			err = nft_select(selection, &lowering->model->families[family],
					 served->service, family, flows, lowering->local_only,
					 lowering->error);
	}
	return err;
}

/* Of packets that went the other way: an error comes back to whom it is about. */
static int add_icmp_errors(struct lowering *lowering, const char *name, enum direction direction,
			   const struct nft_selection *other_way)
{
	const struct nft_rule untrack = { .counts = true, .notrack = true,
					  .target = TARGET_ACCEPT };
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		const struct served *served = served_in(lowering, name, family);
		struct nft_chain *chain;

		if (!served || !served->service->icmp_errors)
			continue;
		chain = errors_chain(lowering, family, direction);
		err = chain ? nft_add_icmp_errors(lowering->table, chain, other_way,
						  served->service, family, direction, &untrack) :
			      -ENOMEM;
	}
	return err;
}

static bool has_segments(const struct lowering *lowering, const char *name)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct served *served = served_in(lowering, name, family);

		if (served && !served->service->classic && served->service->protocols & 1u << TCP)
			return true;
	}
	return false;
}

static int add_segments(struct lowering *lowering, const char *name,
			const struct nft_rule *untrack)
{
	struct nft_chain *chain = nft_table_add_chain(lowering->table, name);

	return chain ? nft_add_segments(lowering->table, chain, untrack, lowering->error) : -ENOMEM;
}

static int add_flows(struct lowering *lowering, const char *name)
{
	char chain_name[NFT_NAME_ROOM], segments_name[NFT_NAME_ROOM];
	const struct nft_rule untrack = {
		.target = TARGET_GOTO,
		.chain = nft_service_name(chain_name, NFT_SERVICE, name),
	};
	const struct nft_rule segments = {
		.target = TARGET_GOTO,
		.chain = nft_service_name(segments_name, NFT_SEGMENTS, name),
	};
	int err = has_segments(lowering, name) ?
		  add_segments(lowering, segments.chain, &untrack) : 0;

	for (enum direction direction = IN; direction < DIRECTIONS && !err; direction++) {
		struct nft_selection selection;

		err = select_all(lowering, name, direction == IN ? NFT_FLOWS_IN : NFT_FLOWS_OUT,
				 &selection);
		if (!err)
			err = nft_add_selectors(lowering->table, lowering->raw[direction],
						&selection, &untrack, &segments);
		if (!err)
			err = add_icmp_errors(lowering, name, direction == IN ? OUT : IN,
					      &selection);
		nft_selection_free(&selection);
	}
	return err;
}

/* --- limits ------------------------------------------------------------- */

static bool has_pools(const struct lowering *lowering, const char *name, enum family family)
{
	for (size_t i = 0; i < lowering->pools->count; i++)
		if (!strcmp(lowering->pools->list[i].id.service, name) &&
		    lowering->pools->list[i].id.family == family)
			return true;
	return false;
}

/* Requests of a service that has clients go through their limits. */
static int add_requests(struct lowering *lowering, const char *name,
			struct nft_selection *selection)
{
	char chain_name[NFT_NAME_ROOM];
	const struct nft_rule limit = {
		.target = TARGET_JUMP,
		.chain = nft_service_name(chain_name, NFT_LIMITS, name),
	};
	int err = select_all(lowering, name, NFT_FLOWS_REQUESTS, selection);

	if (err)
		return err;
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (!has_pools(lowering, name, family))
			selection->selectors[family] = NULL;
	if (!lowering->limits)
		lowering->limits = add_base(lowering->table, "input", NF_INET_LOCAL_IN,
					    PRIORITY_LIMITS);
	if (!lowering->limits)
		return -ENOMEM;
	err = nft_add_selectors(lowering->table, lowering->limits, selection, &limit, &limit);
	return err ? err : nft_pools_lower(lowering->table, lowering->pools, name);
}

static int add_limits(struct lowering *lowering, const char *name)
{
	struct nft_selection selection = { 0 };
	int err;

	if (!has_pools(lowering, name, IPV4) && !has_pools(lowering, name, IPV6))
		return 0;
	err = add_requests(lowering, name, &selection);
	nft_selection_free(&selection);
	return err;
}

/* --- the table ---------------------------------------------------------- */

/* ICMP errors are looked at last: other packets pass one comparison. */
static int enter_errors(struct lowering *lowering, enum family family, enum direction direction)
{
	static const struct nft_interval types4[] = { { { 3 }, { 3 } }, { { 11 }, { 12 } } },
					 types6[] = { { { 1 }, { 4 } } };
	const struct nft_field protocol = nft_meta_field(NFT_META_L4PROTO, 1);
	const struct nft_field version = nft_meta_field(NFT_META_NFPROTO, 1);
	const struct nft_field type = nft_header_field(NFT_BASE_TRANSPORT, 0, 1);
	struct nft_draft draft;

	if (!lowering->errors[family][direction])
		return 0;
	nft_draft_begin(&draft);
	nft_draft_byte(&draft, &version, family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_draft_byte(&draft, &protocol, family == IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	nft_draft_intervals(&draft, &type, family == IPV6 ? types6 : types4,
			    family == IPV6 ? 1 : 2);
	draft.rule.target = TARGET_GOTO;
	draft.rule.chain = lowering->errors[family][direction]->name;
	return nft_chain_add(lowering->table, lowering->raw[direction], &draft);
}

static int lower_service(struct lowering *lowering, const char *name)
{
	int err = add_service_chain(lowering, name);

	if (!err)
		err = add_flows(lowering, name);
	return err ? err : add_limits(lowering, name);
}

/* Both families have their services in order of name. */
static int lower_services(struct lowering *lowering)
{
	const struct family_model *four = &lowering->model->families[IPV4];
	const struct family_model *six = &lowering->model->families[IPV6];
	size_t i = 0, j = 0;
	int err = 0;

	while (!err && (i < four->count || j < six->count)) {
		int order = i == four->count ? 1 : j == six->count ? -1 :
			    strcmp(four->served[i].service->name, six->served[j].service->name);

		err = lower_service(lowering, order <= 0 ? four->served[i].service->name :
							   six->served[j].service->name);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

/* What is under way yet of services that leave; theirs are the first rules to be met. */
static int lower_leaving(struct lowering *lowering, const struct ruleset leaving[FAMILIES],
			 enum direction direction)
{
	const struct nft_rule untrack = { .notrack = true, .target = TARGET_ACCEPT };
	struct nft_selection selection = { 0 };

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < leaving[family].count; i++)
			if (leaving[family].chains[i]->direction == direction)
				selection.selectors[family] = leaving[family].chains[i];
	return nft_add_selectors(lowering->table, lowering->raw[direction], &selection, &untrack,
				 &untrack);
}

int nft_lower(struct nft_table *table, const struct model *model, const struct nft_pools *pools,
	      bool local_only, const struct ruleset *leaving, struct error *error)
{
	struct lowering lowering = { .table = table, .model = model, .pools = pools,
				     .local_only = local_only, .error = error };
	int err = 0;

	table->exists = model->families[IPV4].count || model->families[IPV6].count || leaving;
	if (!table->exists)
		return 0;
	lowering.raw[IN] = add_base(table, "prerouting", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
	lowering.raw[OUT] = add_base(table, "output", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW);
	err = lowering.raw[IN] && lowering.raw[OUT] ? 0 : -ENOMEM;
	for (enum direction direction = IN; direction < DIRECTIONS && leaving && !err; direction++)
		err = lower_leaving(&lowering, leaving, direction);
	if (!err)
		err = lower_services(&lowering);
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		for (enum direction direction = IN; direction < DIRECTIONS && !err; direction++)
			err = enter_errors(&lowering, family, direction);
	return fail(&lowering, err);
}
