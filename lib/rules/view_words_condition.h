/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions of a rule in the words of iptables-save(8), or of "nft list". */
#ifndef LIB_VIEW_WORDS_CONDITION_H
#define LIB_VIEW_WORDS_CONDITION_H

#include "rules/view.h"

#define RULE_WORDS 512

/* Numbers, or bits, as either program calls them, in the order in which both print them. */
struct number_name {
	uint32_t number;
	const char *legacy, *nft;	/* NULL: the list ends here */
};
extern const struct number_name state_names[], tcp_flag_names[];

/* The text of one rule, as far as it is written. */
struct words {
	char *text;
	size_t size, used;
	bool nft;
	bool ipv6;
	bool match_named;		/* the match of @protocol, "-m udp" */
	uint8_t protocol;		/* named so far, for "udp dport" */
};

/* Where there is no room for it, the text ends in dots. */
void words_add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_add_condition(struct words *words, const struct step *step);
/* What a set or map is asked for, one key beside the other. */
void words_add_keys(struct words *words, const struct view_lookup *lookup);
/* Whether a field is named by the protocol that was asked for, as in "udp dport" of nft. */
bool words_tell_protocol(const struct words *words, enum field field);

#endif
