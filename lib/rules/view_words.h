/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of a view in the words of iptables-save(8), or of "nft list". */
#ifndef LIB_VIEW_WORDS_H
#define LIB_VIEW_WORDS_H

#include "rules/view_words_condition.h"

/*
 * What a view does not keep of a rule, such as a comment or the prefix of a log, is not in
 * the text; what it does not decode is, by name.  A text that is too long ends in dots.
 */
const char *view_rule_words(const struct view_chain *chain, const struct view_rule *rule,
			    char text[RULE_WORDS]);

/* The same for a rule of nftables that is in no chain yet. */
const char *view_steps_words(const struct view_table *table, const struct step *steps,
			     size_t count, char *text, size_t size);

#endif
