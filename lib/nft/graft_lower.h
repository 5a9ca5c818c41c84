/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of ours in tables of others, as expressions. */
#ifndef LIB_NFT_GRAFT_LOWER_H
#define LIB_NFT_GRAFT_LOWER_H

#include "nft/expressions.h"
#include "nft/sight.h"

struct nft_lowering {
	struct nft_sight *sight;
	const struct nft_place *place;
	struct view_chain *chain;	/* of the sight's view, in which the rules are to stand */
	struct arena *arena;		/* for the rules */
	struct error *error;
};

struct lowered_rules {
	struct nft_rule *list;
	size_t count;
};

/*
 * Adds to @rules what one graft becomes: a rule, or one for each range of ports.
 * 0; GRAFT_OUTDATED where the rule that it repeats parts of is gone; -EOPNOTSUPP where the table has
 * no words for it; -EAGAIN, -ENOMEM.
 */
int nft_graft_lower(const struct nft_lowering *lowering, const struct graft_rule *rule,
		struct lowered_rules *rules);

/* graft_parts.c: which steps of a rule of theirs one of ours repeats, and how. */
enum nft_graft_part {
	PART_NONE,
	PART_HEAD,
	PART_TAIL,
	PART_VERDICT,
};

struct nft_original {
	const struct graft_rule *rule;
	struct expressions all;
	uint8_t from[VIEW_STEPS_MAX];	/* for each step of the rule: the expression */
	size_t count;			/* of these */
	bool replaced[VIEW_STEPS_MAX];	/* for each step of the row: one of ours says it */
};

/* What becomes of a step of the row that the rule means. */
enum nft_graft_part nft_graft_part_of(const struct nft_original *original, size_t step);
/* Whether a step of the row is there for an element of a set. */
bool nft_graft_is_extra(const struct nft_original *original, size_t step);
/*
 * Whether a condition of ours that asks for less of the same may stand in place of it:
 * iptables-nft reads one of them only, and nft(8) takes no second protocol.
 */
bool nft_graft_may_replace(const struct nft_original *original, size_t step, bool is_iptables);
/* Whether an expression has no part in a rule of ours, although one of its steps does. */
bool nft_graft_is_mixed(const struct nft_original *original);
/* Marks the expressions that a part is made of. */
void nft_graft_mark(const struct nft_original *original, enum nft_graft_part part, bool *needed);

enum nft_graft_overlap {
	OVERLAP_NONE,			/* about something else */
	OVERLAP_NARROWS,		/* ours asks for less of the same: theirs goes */
	OVERLAP_COVERED,		/* theirs asks for no more than ours: ours goes */
	OVERLAP_BESIDE,			/* both must be asked */
};

/* How a condition of ours stands to one of theirs. */
enum nft_graft_overlap nft_graft_overlap_of(const struct step *ours, const struct step *theirs);

#endif
