/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

enum {
	TEST_SECONDS = 300,	/* a hanging test ends; a slow machine does not fail one */
	EXIT_SKIPPED = 77,	/* meson's word for it */
};

#define IPV4_BY(program) \
	{ \
		.name = "ipv4", \
		.option = "-4", \
		.domain = AF_INET, \
		.tables = "iptables-" program, \
		.save = "iptables-" program "-save", \
		.restore = "iptables-" program "-restore", \
		.replace = "IPT_SO_SET_REPLACE", \
		.hashlimit = "ipt_hashlimit", \
		.srcmask = 32, \
		.lo = "127.0.0.1", \
		.host = "192.0.2.1", \
		.peer = "192.0.2.2", \
		.limited = "192.0.2.10", \
		.limited_prefix = "192.0.2.10/31", \
		.other = "198.51.100.7", \
		.other_prefix = "198.51.100.0/24", \
		.wide_prefix = "192.0.2.0/24", \
		.wide_client = "192.0.2.12", \
		.narrow_prefix = "192.0.2.10/32", \
		.host_bits = "192.0.2.1/24", \
	}

#define IPV6_BY(program) \
	{ \
		.name = "ipv6", \
		.option = "-6", \
		.domain = AF_INET6, \
		.tables = "ip6tables-" program, \
		.save = "ip6tables-" program "-save", \
		.restore = "ip6tables-" program "-restore", \
		.replace = "IP6T_SO_SET_REPLACE", \
		.hashlimit = "ip6t_hashlimit", \
		.srcmask = 64, \
		.lo = "::1", \
		.host = "2001:db8::1", \
		.peer = "2001:db8::2", \
		.limited = "2001:db8:1::10", \
		.limited_prefix = "2001:db8:1::/64", \
		.other = "2001:db8:2::10", \
		.other_prefix = "2001:db8:2::/64", \
		.wide_prefix = "2001:db8:1::/48", \
		.wide_client = "2001:db8:1:1::10", \
		.narrow_prefix = "2001:db8:1::10/128", \
		.host_bits = "2001:db8::1/64", \
	}

const struct family families[FAMILIES_OF_BOTH_WORLDS] = {
	IPV4_BY("legacy"), IPV6_BY("legacy"), IPV4_BY("nft"), IPV6_BY("nft"),
};

static const char host_setup[] =
	"link add veth0 address 02:00:00:00:00:01 type veth"
	" peer name veth0 address 02:00:00:00:00:02 netns /proc/%d/fd/%d\n"
	"addr add 192.0.2.1/24 dev veth0\n"
	"addr add 2001:db8::1/64 dev veth0 nodad\n"
	"link set veth0 up\n"
	"neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"neigh replace 192.0.2.10 lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"neigh replace 192.0.2.11 lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"neigh replace 192.0.2.12 lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"neigh replace 2001:db8::2 lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"route add 198.51.100.0/24 via 192.0.2.2\n"
	"route add 2001:db8:1::/48 via 2001:db8::2\n"
	"route add 2001:db8:2::/48 via 2001:db8::2\n";

static const char peer_setup[] =
	"link set lo up\n"
	"addr add 192.0.2.2/24 dev veth0\n"
	"addr add 192.0.2.10/24 dev veth0\n"
	"addr add 192.0.2.11/24 dev veth0\n"
	"addr add 192.0.2.12/24 dev veth0\n"
	"addr add 198.51.100.7/32 dev veth0\n"
	"addr add 2001:db8::2/64 dev veth0 nodad\n"
	"addr add 2001:db8:1::10/128 dev veth0 nodad\n"
	"addr add 2001:db8:1:1::10/128 dev veth0 nodad\n"
	"addr add 2001:db8:2::10/128 dev veth0 nodad\n"
	"link set veth0 up\n"
	"neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev veth0 nud permanent\n"
	"neigh replace 2001:db8::1 lladdr 02:00:00:00:00:01 dev veth0 nud permanent\n";

static const char *const peer_addresses[] = {
	"2001:db8:2::10", "2001:db8:1:1::10", "2001:db8:1::10", "2001:db8::2",
};

static int namespaces[] = { -1, -1 };

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return written;
}

/* Without root a user namespace of our own makes us root of the ones inside it. */
static bool become_root(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[32];

	if (uid == 0)
		return true;
	if (unshare(CLONE_NEWUSER) < 0 || !write_file("/proc/self/setgroups", "deny"))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_file("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return write_file("/proc/self/gid_map", map);
}

static bool isolate(void)
{
	return become_root() && unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/run", "tmpfs", 0, "mode=0755") == 0;
}

static int open_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "network namespace: %s", strerror(errno));
	return fd;
}

/* --- what is not run here ----------------------------------------------- */

static unsigned int *skipped;		/* counted by the processes that tests are */
static bool is_skipped;			/* the test that runs now */

void skip_test(const char *why, ...)
{
	va_list arguments;

	va_start(arguments, why);
	vfprintf(stderr, why, arguments);
	va_end(arguments);
	fprintf(stderr, ": skipped\n");
	if (!is_skipped)
		++*skipped;
	is_skipped = true;
}

bool program_is_there(const char *name)
{
	const char *promised = getenv("NOTRACK_PROMISED");
	bool there = run("which %s", name).code == 0;

	ck_assert_msg(there || !promised ||
		      !strstr(format_text(" %s ", promised), format_text(" %s ", name)),
		      "%s is not here, which should be", name);
	return there;
}

static unsigned int *share_count(void)
{
	void *count = mmap(NULL, sizeof(*skipped), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	if (count == MAP_FAILED)
		abort();
	return count;
}

/* --- namespaces --------------------------------------------------------- */

void netns_enter(void)
{
	is_skipped = false;
	unsetenv("XTABLES_LOCKFILE");
	ck_assert_msg(isolate(), "a namespace of our own: %s", strerror(errno));
	namespaces[HOST] = open_current();
	must("ip link set lo up");
}

void netns_add_empty_peer(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	namespaces[PEER] = open_current();
	netns_move_to(HOST);
}

void netns_give(const char *interface)
{
	must("ip link set %s netns /proc/%d/fd/%d", interface, getpid(), namespaces[PEER]);
}

/*
 * The kernel activates the end that was up first when it gets to it (linkwatch), and drops what
 * is sent until then; it holds the lock that `ip` asks for while it does.
 */
void netns_wait_for_carrier(const char *interface)
{
	unsigned int waits = 0;

	while (!strstr(must("ip -o link show dev %s", interface).out, "state UP"))
		ck_assert_msg(wait_a_little(&waits), "%s has no carrier", interface);
}

/*
 * What is sent to an address of IPv6 gets there once the kernel has its local route, which a
 * worker of its own adds behind the link (addrconf_dad_work), be there a duplicate to look for or not.
 */
void netns_wait_for_address(enum place where, const char *address)
{
	const char *route = format_text("local %s dev", address);
	unsigned int waits = 0;

	while (!strstr(must_as(&(struct how){ .where = where }, "ip -6 route show table local").out, route))
		ck_assert_msg(wait_a_little(&waits), "%s has no local route", address);
}

void netns_add_peer(void)
{
	char setup[2 * sizeof(host_setup)];

	netns_add_empty_peer();
	snprintf(setup, sizeof(setup), host_setup, getpid(), namespaces[PEER]);
	must_as(&(struct how){ .input = setup }, "ip -batch -");
	must_as(&(struct how){ .where = PEER, .input = peer_setup }, "ip -batch -");
	netns_wait_for_carrier("veth0");
	netns_wait_for_address(HOST, "2001:db8::1");
	for (size_t i = 0; i < sizeof(peer_addresses) / sizeof(peer_addresses[0]); i++)
		netns_wait_for_address(PEER, peer_addresses[i]);
}

void netns_move_to(enum place where)
{
	ck_assert_msg(setns(namespaces[where], CLONE_NEWNET) == 0, "setns: %s", strerror(errno));
}

int netns_descriptor(enum place where)
{
	int fd;

	netns_move_to(where);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_move_to(HOST);
	ck_assert_int_ge(fd, 0);
	return fd;
}

int netns_socket(enum place where, int domain, int type, int protocol)
{
	int fd;

	netns_move_to(where);
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	netns_move_to(HOST);
	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	return fd;
}

/* In a child, as it cannot be undone. */
static bool can_isolate(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(isolate() ? 0 : EXIT_SKIPPED);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int netns_main(const char *name, void (*tests)(TCase *))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed, run;

	umask(022);	/* a configuration that a group may write is refused */
	if (!can_isolate()) {
		fprintf(stderr, "%s: no namespaces to be had here: skipped\n", name);
		srunner_free(runner);
		return EXIT_SKIPPED;
	}
	srunner_set_fork_status(runner, CK_FORK);
	tcase_set_timeout(tcase, TEST_SECONDS);
	tcase_add_checked_fixture(tcase, netns_enter, NULL);
	tests(tcase);
	suite_add_tcase(suite, tcase);
	skipped = share_count();
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	run = srunner_ntests_run(runner);
	srunner_free(runner);
	if (*skipped)
		printf("Skipped: %u\n", *skipped);	/* tools/check counts them */
	return failed ? EXIT_FAILURE : *skipped && *skipped == (unsigned int)run ? EXIT_SKIPPED :
	       EXIT_SUCCESS;
}
