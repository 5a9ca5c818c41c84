/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/change.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

#include "nft/graft_plan.h"
#include "nft/question.h"
#include "nft/raise.h"

/* --- what is wanted ------------------------------------------------------- */

/* What nothing describes cannot be lowered again, and would go with a change that is not about it. */
static int keep_others(struct nft_change *change, const struct model *others)
{
	const struct wanted *wanted = change->change.wanted;
	const struct nft_chain *lost;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (wanted->families & 1u << family || wanted->lets_damage_go)
			continue;
		lost = nft_raise_lost(&nft_change_have(change)->table, others, family);
		if (lost)
			return error_set(change->change.image->session.error, -EBADMSG, "table inet "
					 NFT_TABLE ", chain %s: its comments do not describe service %s "
					 "any more for %s, which this change is not about; a commit "
					 "would remove that service: commit a whole configuration of "
					 "both, clear both, or force it", lost->name,
					 nft_service_of(lost->name, NFT_SERVICE),
					 family_name(family));
	}
	return 0;
}

/*
 * Our table holds both families.  One that nothing is wanted of is read back from the
 * kernel, and lowered together with what is wanted of the other.
 */
static int complete_model(struct nft_change *change, struct model *model, struct model *others)
{
	const struct session *session = &change->change.image->session;
	const struct wanted *wanted = change->change.wanted;
	int err;

	*others = (struct model){ 0 };
	err = nft_raise_services(&nft_change_have(change)->table, others,
				 NOTRACK_ANY & ~wanted->families, session->error);
	if (!err)
		err = keep_others(change, others);
	for (enum family family = IPV4; family < FAMILIES; family++)
		model->families[family] = wanted->families & 1u << family ?
					  wanted->model->families[family] :
					  others->families[family];
	return err;
}

static bool edits_elements(const struct nft_plan *plan)
{
	for (size_t i = 0; i < plan->edit_count; i++)
		if (plan->edits[i].add.count || plan->edits[i].remove.count)
			return true;
	return false;
}

static int plan_grafts(struct nft_change *change)
{
	struct error *error = change->change.image->session.error;
	struct nft_state *have = nft_change_have(change);
	struct nft_sight sight;
	int err = nft_sight_open(&sight, &nft_changed_image(change)->netlink,
				 change->change.wanted->grafts, error);

	if (!err)
		err = nft_state_see_host(have, &sight, NULL, error);
	if (!err)
		err = nft_grafts_make(&change->plan.host, &have->host, &sight, error);
	nft_sight_close(&sight);
	return err;
}

static int plan_model(struct nft_change *change, const struct model *model)
{
	const struct session *session = &change->change.image->session;
	const struct nft_state *have = nft_change_have(change);
	struct nft_plan *plan = &change->plan;
	int err = nft_plan_clients(plan, &have->pools, model, change->change.wanted->families);

	if (err)
		return error_set(session->error, err, "out of memory");
	err = nft_lower(&plan->table, model, &plan->pools, change->change.wanted->local_only,
			change->answers_stay ? change->change.wanted->leaving : NULL,
			session->error);
	if (!err && nft_steps_make(&plan->steps, &have->table, &plan->table, edits_elements(plan)))
		err = error_set(session->error, -ENOMEM, "out of memory");
	return err || !change->change.wanted->grafts ? err : plan_grafts(change);
}

static int explain_load(struct nft_change *change, int err)
{
	return question_explain(err, "the limited clients", change->change.image->session.error);
}

static int plan_wanted(struct nft_change *change)
{
	const struct wanted *wanted = change->change.wanted;
	struct model model, others;
	int err = nft_plan_load(&nft_change_have(change)->pools, wanted->model, wanted->families,
				change->reads_all, &nft_changed_image(change)->netlink,
				&nft_own_place);

	if (err)
		return explain_load(change, err);
	err = complete_model(change, &model, &others);
	if (!err)
		err = plan_model(change, &model);
	model_free(&others);
	return err;
}

/* --- what was there ------------------------------------------------------- */

/* What there is in the tables of others, where something was changed there. */
static int look_back(struct nft_change *change)
{
	struct error *error = change->change.image->session.error;
	const struct nft_host *before = &nft_changed_image(change)->state.host;
	struct nft_state *have = nft_change_have(change);
	struct nft_sight sight;
	int err;

	if (!before->has_bodies)
		return 0;
	err = nft_sight_open(&sight, &nft_changed_image(change)->netlink, NULL, error);
	if (!err)
		err = nft_state_see_host(have, &sight, before, error);
	nft_sight_close(&sight);
	return err;
}

static int plan_back(struct nft_change *change)
{
	struct error *error = change->change.image->session.error;
	const struct nft_state *before = &nft_changed_image(change)->state;
	struct nft_state *have = nft_change_have(change);
	struct nft_plan *plan = &change->plan;
	int err = look_back(change);

	if (err)
		return err;
	err = nft_plan_load_like(&have->pools, &before->pools, change->change.wanted->model,
				 &nft_changed_image(change)->netlink, &nft_own_place);
	if (err)
		return explain_load(change, err);
	err = nft_plan_restore(plan, &have->pools, &before->pools);
	if (!err)
		err = nft_steps_make(&plan->steps, &have->table, &before->table,
				     edits_elements(plan));
	if (!err && before->host.has_bodies)
		err = nft_host_plan_restore(&plan->host, &have->host, &before->host);
	return err ? error_set(error, err, "out of memory") : 0;
}

/* --- planning --------------------------------------------------------------- */

static int read_again(struct nft_change *change)
{
	nft_state_free(&change->fresh);
	change->is_stale = true;
	return nft_state_read(&change->fresh, &nft_changed_image(change)->netlink, 0,
			      change->change.image->session.error);
}

int nft_change_plan(struct nft_change *change)
{
	int err = change->is_planned ? 0 : -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		nft_plan_free(&change->plan);	/* it refers to what is read here */
		change->done = 0;
		err = read_again(change);
		if (!err)
			err = change->goes_back ? plan_back(change) : plan_wanted(change);
	}
	change->is_planned = !err;
	return question_give_up(err, change->change.image->session.error);
}

static int check_support(const struct nft_image *image, const struct wanted *wanted)
{
	uint32_t generation;

	if (image->is_supported ||
	    (!wanted->model->families[IPV4].count && !wanted->model->families[IPV6].count))
		return 0;
	if (!image->netlink.buffer)
		return error_set(image->image.session.error, -EPROTONOSUPPORT, "the kernel has no "
				 "nftables: build it with CONFIG_NF_TABLES and "
				 "CONFIG_NETFILTER_NETLINK");
	return read_generation((struct netlink *)&image->netlink, &generation,
			       image->image.session.error);
}

/* From the image, as long as it is not out of date. */
static int plan_first(struct nft_change *change)
{
	int err = plan_wanted(change);

	change->is_planned = !err;
	return err == -EAGAIN ? nft_change_plan(change) : err;
}

int nft_change_begin(struct image *image, const struct wanted *wanted, struct change **result)
{
	struct nft_change *change = calloc(1, sizeof(*change));
	int err;

	if (!change)
		return error_set(image->session.error, -ENOMEM, "out of memory");
	change->change = (struct change){ .image = image, .wanted = wanted };
	err = check_support(nft_image_of(image), wanted);
	if (!err && nft_image_of(image)->is_supported)
		err = plan_first(change);
	if (err)
		nft_change_end(&change->change);
	else
		*result = &change->change;
	return err;
}

void nft_change_end(struct change *base)
{
	struct nft_change *change = nft_change_of(base);

	nft_plan_free(&change->plan);
	nft_state_free(&change->fresh);
	free(change);
}

int nft_change_diff(struct change *base, FILE *out, struct notrack_changes *changes)
{
	struct nft_change *change = nft_change_of(base);

	nft_plan_report(&change->plan, nft_change_have(change), PHASES, out, changes);
	return 0;
}
