/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filter tables that the kernel takes, and no iptables would make. */
#ifndef NOTRACK_TESTS_WILD_H
#define NOTRACK_TESTS_WILD_H

/* What is wrong with chain X, which no packet reaches, or with the one beside it. */
enum wildness {
	JUMP_BEYOND_THE_TABLE,
	JUMP_INTO_AN_ENTRY,
	JUMP_INTO_A_CHAIN,
	JUMP_INTO_A_BUILT_IN_CHAIN,
	NO_END,
	SAME_NAME,
	NAME_OF_A_VERDICT,
	NAME_OF_A_TARGET,
	WILDNESSES
};

extern const char *const wild_names[WILDNESSES];

/* Makes it, IPv4, in the namespace that the caller is in. */
void wild_make(enum wildness wildness);

#endif
