/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel has, and in which revisions. */
#ifndef LIB_LEGACY_FEATURES_H
#define LIB_LEGACY_FEATURES_H

#include "legacy/xt_family.h"
#include "support/error.h"

/* What a kernel has, asked once; 0: not there. */
struct features {
	bool asked;
	int hashlimit;		/* 3, 2 or 1 */
	bool notrack;		/* a target of its own */
	int ct;			/* 2 or 1 */
	int conntrack;		/* 3 or 2 */
	bool addrtype;		/* 1 */
};

int features_ask(struct features *features, const struct xt_family *family, struct error *error);

#endif
