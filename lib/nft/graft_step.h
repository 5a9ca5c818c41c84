/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions of a view as expressions, in the dialect of a table. */
#ifndef LIB_NFT_GRAFT_STEP_H
#define LIB_NFT_GRAFT_STEP_H

#include "nft/expressions.h"
#include "nft/message.h"
#include "rules/view.h"

struct step_writer {
	struct expression_writer *out;
	const struct nft_place *place;
	int family;			/* of addresses: AF_INET, AF_INET6; AF_UNSPEC: not known */
	uint8_t protocol;		/* that the rule asks for; 0: none */
	bool beside;			/* there is another condition on those ports */
};

/* Packets that have one of these states, bits of enum ct_state. */
void step_write_states(const struct step_writer *writer, uint8_t states);
/* false: the table's dialect has no words for it. */
bool step_write(const struct step_writer *writer, const struct step *step);
/* The first chunk of an SCTP packet is an INIT, or it is none. */
void step_write_sctp_init(const struct step_writer *writer, bool inverted);
/* NFT_RETURN, NF_ACCEPT...; false: it is none that a rule of ours can have. */
bool step_write_verdict(const struct step_writer *writer, const struct step *step);

#endif
