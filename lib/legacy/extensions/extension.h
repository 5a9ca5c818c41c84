/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The extensions of xtables, matches and targets, as steps of a rule. */
#ifndef LIB_LEGACY_EXTENSIONS_EXTENSION_H
#define LIB_LEGACY_EXTENSIONS_EXTENSION_H

#include <stddef.h>
#include <stdint.h>

#include "rules/view.h"

/* As long as any is that one of us decodes, and longer. */
#define INFO_MAX 8192

/*
 * Adds the steps of one match or target to the rule that is being built.  Both packet
 * filters have them: nftables where iptables-nft put them into a rule.  @data is aligned
 * for any type.  0, or -ENOMEM.
 */
int extension_view_match(struct view *view, enum family family, const char *name, uint8_t revision,
			 const void *data, size_t size);
int extension_view_target(struct view *view, enum family family, const char *name,
			  uint8_t revision, const void *data, size_t size);

#endif
