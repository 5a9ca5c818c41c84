/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stranger's program in C, built against the installed library: the header
 * is complete in itself, the library links, and a context comes and goes.
 */
#include <notrack.h>

int main(void)
{
	const char *version = notrack_version();
	struct notrack *nt = notrack_new();
	int status = 0;

	if (version == NULL || version[0] == '\0') {
		fputs("notrack_version() has nothing to say\n", stderr);
		status = 1;
	}
	if (nt == NULL) {
		fputs("notrack_new() gave no context\n", stderr);
		status = 1;
	}
	notrack_free(nt);
	notrack_free(NULL);
	if (status == 0)
		printf("C: libnotrack %s\n", version);
	return status;
}
