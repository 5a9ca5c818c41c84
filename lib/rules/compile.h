/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a model means, as chains of rules: no kernel, no input or output. */
#ifndef LIB_COMPILE_H
#define LIB_COMPILE_H

#include "model/model.h"
#include "rules/rule.h"

/* Fills @rules, one set a table; to be freed also on error. */
int compile(const struct family_model *model, enum family family,
	    struct ruleset rules[TABLES], struct error *error);

#endif
