/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules in the words of iptables. */
#ifndef LIB_LEGACY_PRINT_H
#define LIB_LEGACY_PRINT_H

#include <stdio.h>

#include "legacy/xt_family.h"
#include "rules/rule.h"

/* As iptables-save prints it: "-A CHAIN ...", without the end of line. */
void rule_print(const struct rule *rule, const char *chain, enum family family, FILE *out);
/* What one match of a rule of @protocol asks. */
void match_print_rest(const struct match *match, uint8_t protocol, enum family family, FILE *out);
/*
 * An entry, from its addresses on.  A match that we have no words for is told to be as
 * rule @number of the host's asks, or that which it stands ahead of, for 0.
 */
void entry_print(const void *entry, unsigned int number, const struct xt_family *family,
		 FILE *out);
/* "udp"; one without a name as its number. */
const char *protocol_print_name(uint8_t protocol, char text[8]);

/* All of it, for iptables-restore --noflush. */
void ruleset_print(const struct ruleset *rules, enum table_id table, enum family family,
		   FILE *out);
/*
 * The edit from @have to @want, a line for each rule that comes or goes:
 * "+-4 raw -A CHAIN ...".  @out may be NULL; see ruleset_edit().
 */
int ruleset_print_edit(const struct ruleset *have, const struct ruleset *want,
		       const char *table, enum family family, FILE *out,
		       struct notrack_changes *changes);
/*
 * What @have has beside @printed: the rules in chains of the host but for plain jumps to
 * chains that were printed, and the other chains of ours; "-4 filter -A CHAIN ...".
 */
void ruleset_print_beside(const struct ruleset *have, const struct ruleset *printed,
			  const char *table, enum family family, FILE *out);

#endif
