/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the network namespace has one of. */
#ifndef LIB_HOST_H
#define LIB_HOST_H

#include <net/if.h>

#include "model/prefix.h"

/*
 * The interface that packets of others come by and the address that they come
 * to, where there is just one: rules that name it mean everybody.
 */
struct host {
	char interface[IFNAMSIZ];	/* "": none, or many */
	struct prefix address[FAMILIES];/* of length 0: likewise */
};

/* Of the calling thread's namespace; what cannot be read is not there. */
void host_look(struct host *host);

#endif
