/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_SELECTOR_H
#define LIB_SELECTOR_H

#include "support/error.h"
#include "rules/rule.h"
#include "model/service.h"

/* What is being compiled, and where its rules go. */
struct compiler {
	const struct service *service;
	enum family family;
	struct ruleset *rules;
	struct chain *chain;
	enum target target;
	struct chain *to;		/* TARGET_JUMP: the limits' chain; TARGET_GOTO: the
					   service's */
	struct error *error;
};

/* All packets of the service that come in, or go out. */
int select_direction(struct compiler *compiler, enum direction direction);

/* Whether the flows of a role have rules of their own for lo, at the other hook. */
bool select_has_loopback(const struct service *service, enum role role);

/* Its inbound requests; with TARGET_JUMP those that begin an exchange. */
int select_requests(struct compiler *compiler);

#endif
