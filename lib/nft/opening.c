/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/opening.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "nft/print.h"
#include "nft/selectors.h"
#include "support/memory.h"

/* The built-in chains of iptables, after which our chains are named. */
static const char *const builtin[DIRECTIONS] = { [IN] = "INPUT", [OUT] = "OUTPUT" };

struct making {
	struct nft_table_plan *opening;
	const struct model *model;
	struct error *error;
};

static bool has_family(const struct nft_place *place, enum family family)
{
	return place->family == NFPROTO_INET ||
	       place->family == (family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

/* --- the chain of accepts ------------------------------------------------- */

static int check_protocols(const struct making *making, const struct service *service)
{
	const struct nft_place *place = &making->opening->host->place;

	if (!place->is_iptables || !(service->protocols & (1u << SCTP | 1u << UDPLITE)))
		return 0;
	return error_set(making->error, -EPROTONOSUPPORT, "service %s: table %s %s is of iptables-nft, "
			 "which could not read our rules for sctp and udplite; take these protocols "
			 "out, or keep the host's rules in a table of nft(8)", service->name,
			 nft_family_name(place->family), place->table);
}

static int add_service(const struct making *making, struct nft_chain *chain,
		       const struct service *service, enum family family, enum direction direction)
{
	struct nft_table_plan *opening = making->opening;
	const struct nft_rule accept = { .counts = true, .target = TARGET_ACCEPT,
					 .comment = service->name };
	struct nft_selection selection = { 0 };
	int err = check_protocols(making, service);

	if (!err)
		err = nft_select(&selection, &making->model->families[family], service, family,
				 direction == IN ? NFT_FLOWS_IN : NFT_FLOWS_OUT, making->error);
	if (!err)
		err = nft_add_accepts(&opening->want, chain, &selection, family,
				      opening->host->place.family == NFPROTO_INET, &accept);
	nft_selection_free(&selection);
	return err;
}

/* What came back about packets of ours; as the textbook has it, any. */
static int add_icmp_errors(const struct making *making, struct nft_chain *chain,
			   enum family family)
{
	static const uint8_t types[FAMILIES][4] = { [IPV4] = { 3, 11, 12 }, [IPV6] = { 1, 2, 3, 4 } };
	const struct nft_field version = nft_meta_field(NFT_META_NFPROTO, 1);
	const struct nft_field protocol = nft_meta_field(NFT_META_L4PROTO, 1);
	const struct nft_field type = nft_header_field(NFT_BASE_TRANSPORT, 0, 1);
	struct nft_draft draft;
	int err = 0;

	for (size_t i = 0; i < sizeof(types[family]) && types[family][i] && !err; i++) {
		nft_draft_begin(&draft);
		if (making->opening->host->place.family == NFPROTO_INET)
			nft_draft_byte(&draft, &version,
				       family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
		nft_draft_byte(&draft, &protocol, family == IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		nft_draft_byte(&draft, &type, types[family][i]);
		draft.rule.counts = true;
		draft.rule.target = TARGET_ACCEPT;
		err = nft_chain_add(&making->opening->want, chain, &draft);
	}
	return err;
}

static int fill_chain(const struct making *making, struct nft_chain *chain,
		      enum direction direction)
{
	bool icmp[FAMILIES] = { false };
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *model = &making->model->families[family];

		for (size_t i = 0; i < model->count && !err; i++) {
			if (!has_family(&making->opening->host->place, family))
				continue;
			icmp[family] |= model->served[i].service->icmp_errors && direction == IN;
			err = add_service(making, chain, model->served[i].service, family,
					  direction);
		}
	}
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (icmp[family])
			err = add_icmp_errors(making, chain, family);
	return err;
}

/* Made when the first jump leads to it; NULL, and 0: there is nothing to accept. */
static int accepts(const struct making *making, enum direction direction,
		   struct nft_chain **chain)
{
	char name[CHAIN_NAME_MAX + 1];
	struct nft_table *want = &making->opening->want;
	int err;

	chain_top_name(name, builtin[direction]);
	*chain = nft_table_chain(want, name);
	if (*chain)
		return 0;
	*chain = nft_table_add_chain(want, name);
	if (!*chain)
		return -ENOMEM;
	err = fill_chain(making, *chain, direction);
	if (!err && !(*chain)->count) {
		want->chain_count--;
		*chain = NULL;
	}
	return err;
}

/* --- jumps ---------------------------------------------------------------- */

static int open_chain(const struct making *making, const struct nft_chain *chain)
{
	const struct nft_table *have = &making->opening->host->table;
	struct nft_graft graft = { .rule = { .counts = true, .target = TARGET_JUMP } };
	struct nft_chain *accepting = NULL;
	enum direction direction;
	int err = 0;

	if (nft_chain_filters(chain, &direction) && !have->is_dormant &&
	    nft_chain_drops_all(have, chain, &graft.before))
		err = accepts(making, direction, &accepting);
	if (err)
		return err;
	if (accepting)
		graft.rule.chain = accepting->name;
	return nft_graft_chain(&making->opening->want, chain, &graft, accepting ? 1 : 0);
}

static int open_table(struct nft_table_plan *opening, const struct model *model, struct error *error)
{
	const struct making making = { opening, model, error };
	const struct nft_table *have = &opening->host->table;
	int err = 0;

	opening->want.exists = true;
	for (size_t i = 0; i < have->chain_count && !err; i++)
		if (!nft_chain_is_ours(have->chains[i]))
			err = open_chain(&making, have->chains[i]);
	if (!err)
		err = nft_graft_steps(&opening->steps, have, &opening->want);
	return err;
}

int nft_openings_make(struct nft_host_plan *openings, const struct nft_host *host,
		      const struct model *model, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < host->count && !err; i++) {
		struct nft_table_plan *opening;

		if (host->list[i]->is_locked)
			continue;
		opening = nft_host_plan_add(openings, host->list[i]);
		err = opening ? open_table(opening, model, error) : -ENOMEM;
	}
	return err == -ENOMEM ? error_set(error, err, "out of memory") : err;
}
