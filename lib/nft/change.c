/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/change.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Our table holds both families.  What a session leaves alone, a family that was not asked
 * for, is read back from the kernel, and lowered together with what is wanted.
 */
static int complete_model(struct nft_change *change, struct model *model, struct model *others)
{
	const struct session *session = &change->change.image->session;
	int err;

	*others = (struct model){ 0 };
	err = nft_raise_services(&nft_change_have(change)->table, others,
				 NOTRACK_ANY & ~session->families, session->error);
	for (enum family family = IPV4; family < FAMILIES; family++)
		model->families[family] = session->families & 1u << family ?
					  change->change.wanted->model->families[family] :
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

static int plan_model(struct nft_change *change, const struct model *model)
{
	const struct session *session = &change->change.image->session;
	const struct nft_state *have = nft_change_have(change);
	int err = nft_plan_clients(&change->plan, &have->pools, model, session->families);

	if (err)
		return error_set(session->error, err, "out of memory");
	err = nft_lower(&change->plan.table, model, &change->plan.pools, session->error);
	if (!err && nft_steps_make(&change->steps, &have->table, &change->plan.table,
				   edits_elements(&change->plan)))
		err = error_set(session->error, -ENOMEM, "out of memory");
	return err;
}

int nft_change_plan(struct nft_change *change)
{
	const struct session *session = &change->change.image->session;
	struct model model, others;
	int err;

	nft_steps_free(&change->steps);
	nft_plan_free(&change->plan);
	err = nft_state_load(nft_change_have(change), &nft_changed_image(change)->netlink,
			     session->families, session->error);
	if (err)
		return err;
	err = complete_model(change, &model, &others);
	if (!err)
		err = plan_model(change, &model);
	model_free(&others);
	return err;
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

int nft_change_begin(struct image *image, const struct wanted *wanted, struct change **result)
{
	struct nft_change *change = calloc(1, sizeof(*change));
	int err;

	if (!change)
		return error_set(image->session.error, -ENOMEM, "out of memory");
	change->change = (struct change){ .image = image, .wanted = wanted };
	err = check_support(nft_image_of(image), wanted);
	if (!err && nft_image_of(image)->is_supported)
		err = nft_change_plan(change);
	if (err == -EAGAIN)	/* commit() reads again; a mere look must do so now */
		err = error_set(image->session.error, -EBUSY, "another program changed the rules of "
				"nftables meanwhile; try again");
	if (err)
		nft_change_end(&change->change);
	else
		*result = &change->change;
	return err;
}

void nft_change_end(struct change *base)
{
	struct nft_change *change = nft_change_of(base);

	nft_steps_free(&change->steps);
	nft_plan_free(&change->plan);
	nft_state_free(&change->fresh);
	free(change);
}

int nft_change_diff(struct change *base, FILE *out, struct notrack_changes *changes)
{
	struct nft_change *change = nft_change_of(base);
	unsigned int before = changes->added + changes->removed;

	nft_steps_report(&change->steps, nft_change_have(change), &change->plan, out, changes);
	return (int)(changes->added + changes->removed - before);
}
