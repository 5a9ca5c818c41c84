/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "intrusion.h"

#include <linux/netfilter_ipv4/ip_tables.h>

#include "inject.h"

const char intrusion_backend[] = "legacy";

static void (*intruder)(void);

static void meet_table(const char *table, int level)
{
	(void)table;
	(void)level;
	intruder();
}

void intrusion_begin(unsigned int nth, void (*intrude)(void))
{
	intruder = intrude;
	inject_intruder(IPT_SO_SET_REPLACE, nth, meet_table);
}

void intrusion_end(void)
{
	inject_end();
}
