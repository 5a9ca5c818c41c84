/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration file: what is taken is printed as a file that means the same. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "config_print.h"

/* The bytes as a file that the caller has opened. */
static void write_file(int fd, const void *data, size_t size)
{
	promise(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size &&
		lseek(fd, 0, SEEK_SET) == 0);
}

/* NULL where it is refused, which was said on standard error. */
static struct notrack *read_config(int fd)
{
	const struct options options = { 0 };
	struct config *config = config_new();
	struct notrack *nt = notrack_new();
	char path[32];
	int code;

	promise(config && nt);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	code = config_read(config, path);
	if (!code)
		code = config_build(config, &options, nt);
	config_free(config);
	promise(code == 0 || code == EXIT_BAD_INPUT);
	if (!code)
		return nt;
	notrack_free(nt);
	return NULL;
}

/* As "notrackctl show" prints it. */
static char *print(struct notrack *nt, size_t *size)
{
	FILE *before = stdout;
	char *text = NULL;

	stdout = open_memstream(&text, size);
	promise(stdout);
	config_print_host();
	promise(!config_print_services(nt));
	promise(!fclose(stdout) && text);
	stdout = before;
	return text;
}

static void promise_same_again(struct notrack *nt, int fd)
{
	size_t size, size_again;
	char *text = print(nt, &size), *again;
	struct notrack *copy;

	write_file(fd, text, size);
	copy = read_config(fd);
	promise(copy);
	again = print(copy, &size_again);
	promise(!strcmp(text, again));
	notrack_free(copy);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct notrack *nt;

	if (fd < 0)
		fd = memfd_create("notrack.conf", MFD_CLOEXEC);
	promise(fd >= 0);
	write_file(fd, data, size);
	nt = read_config(fd);
	if (nt)
		promise_same_again(nt, fd);
	notrack_free(nt);
	return 0;
}
