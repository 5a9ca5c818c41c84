/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules in the words of iptables. */
#ifndef LIB_LEGACY_PRINT_H
#define LIB_LEGACY_PRINT_H

#include <stdio.h>

#include "rules/rule.h"

/* As iptables-save prints it: "-A CHAIN ...", without the end of line. */
void rule_print(const struct rule *rule, const char *chain, enum family family, FILE *out);
/* All of it, for iptables-restore --noflush. */
void ruleset_print(const struct ruleset *rules, enum table_id table, enum family family,
		   FILE *out);
/*
 * The edit from @have to @want, a line for each rule that comes or goes:
 * "+-4 raw -A CHAIN ...".  @out may be NULL; see ruleset_edit().
 */
int ruleset_print_edit(const struct ruleset *have, const struct ruleset *want,
		       enum table_id table, enum family family, FILE *out,
		       struct notrack_changes *changes);

#endif
