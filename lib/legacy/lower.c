/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "The clients go through their limits" becomes a tree of chains; see tree.c. */
#include "legacy/image.h"

#include <errno.h>

#include "legacy/tree.h"

static bool is_limits(const struct chain *chain)
{
	return chain->count == 1 && chain->rules[0].target == TARGET_LIMITS;
}

/* Rules that lead to @from now lead to a chain of the same name. */
static int lower_limits(const struct chain *from, const struct family_model *model,
			struct ruleset *lowered)
{
	struct chain *root = ruleset_add_chain(lowered, from->name);
	const struct served *served = model_find(model, from->service);

	return root && served ? tree_build(lowered, root, from->service, &served->clients) : -ENOMEM;
}

int legacy_lower(const struct ruleset *compiled, const struct family_model *model,
		 struct ruleset *lowered, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < compiled->count && !err; i++)
		err = is_limits(compiled->chains[i]) ?
		      lower_limits(compiled->chains[i], model, lowered) :
		      ruleset_share_chain(lowered, compiled->chains[i]);
	for (size_t i = 0; i < compiled->jump_count && !err; i++)
		err = ruleset_add_jump(lowered, &compiled->jumps[i]);
	if (!err)
		err = ruleset_sort(lowered);
	if (err == -EEXIST)
		return error_set(error, -EINVAL, "two chains of table filter would have the same name; "
				 "change one of the clients' limits");
	return err ? error_set(error, err, "out of memory") : 0;
}
