/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/holder.h"

#include <sys/mman.h>
#include <unistd.h>

/*
 * A number alone would not do: a child in a PID namespace of its own may have the
 * same one.  Where the kernel empties no pages (before Linux 4.14), the number has to.
 */
pid_t *holder_note(void)
{
	pid_t *holder = mmap(NULL, sizeof(*holder), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (holder == MAP_FAILED)
		return NULL;
	madvise(holder, sizeof(*holder), MADV_WIPEONFORK);
	*holder = getpid();
	return holder;
}

bool holder_is_us(const pid_t *holder)
{
	return holder && *holder == getpid();
}

void holder_forget(pid_t *holder)
{
	if (holder)
		munmap(holder, sizeof(*holder));
}
