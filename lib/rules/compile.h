/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a model means, as chains of rules: no kernel, no input or output. */
#ifndef LIB_COMPILE_H
#define LIB_COMPILE_H

#include "model/model.h"
#include "rules/rule.h"
#include "rules/selector.h"

/* What the services of a family are to be let in to by chains of ours in filter. */
struct opened {
	const flow_set *flows;		/* of each service, in the order of the model */
	bool errors;			/* ICMP errors */
};

/*
 * Fills @rules, one set a table; to be freed also on error.  Filter has accepts for the
 * flows that @opened names, NULL: for all.  @local_only: what has no address of
 * this host at its own end is left alone.
 */
int compile(const struct family_model *model, enum family family, const struct opened *opened,
	    bool local_only, struct ruleset rules[TABLES], struct error *error);

/*
 * Selectors of the answers of services in @had that @wanted does not have as they are, with
 * TARGET_NOTRACK, in chains for raw; none where nothing leaves.  To be freed also on error.
 */
int compile_leaving(const struct family_model *had, const struct family_model *wanted,
		    enum family family, bool local_only, struct ruleset *leaving,
		    struct error *error);

#endif
