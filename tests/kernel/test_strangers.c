/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Somebody else in the namespace who may send to our netlink sockets, and does:
 * what he says is not the kernel's word, and he keeps nobody from it.
 *
 * The kernel refuses what is sent to a socket of ours, as the library connects it.
 * Tests of what would be if it did not (`the_door_is_open`) take that connection
 * back, and know each sequence number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "packets.h"
#include "run.h"
#include "support/interfaces.h"
#include "support/netlink.h"
#include "tables.h"

enum {
	FLOWS = 20,
	PORT = 7001,		/* and up, a flow each */
	ROUNDS = SANITIZED ? 5 : 50,	/* beside a flood */
	SECONDS_MAX = 30,	/* for a call that is flooded: it must end at all */
};

/* --- the stranger ----------------------------------------------------- */

enum forgery { END, REFUSAL, ACKNOWLEDGMENT, ENTRY, LENGTH, BYTE, LARGE, FLOOD, FORGERIES };

static const char *const forgery_names[FORGERIES] = {
	"the end", "a refusal", "an acknowledgment", "an entry", "a length below zero", "a byte",
	"more than a buffer", "a flood",
};

static bool the_door_is_open, requests_get_lost;
static enum forgery forgery;

static size_t forge_status(struct nlmsghdr *message, uint16_t type, int status)
{
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_MULTI;
	*(int *)mnl_nlmsg_put_extra_header(message, sizeof(struct nlmsgerr)) = status;
	return message->nlmsg_len;
}

static void put_tuple(struct nlmsghdr *message, uint16_t type)
{
	struct nlattr *tuple = mnl_attr_nest_start(message, type), *part;

	part = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	mnl_attr_put_u32(message, CTA_IP_V4_SRC, htonl(0x7f000001));
	mnl_attr_put_u32(message, CTA_IP_V4_DST, htonl(0x7f000001));
	mnl_attr_nest_end(message, part);
	part = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(4000));
	mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(PORT));
	mnl_attr_nest_end(message, part);
	mnl_attr_nest_end(message, tuple);
}

static size_t forge_entry(struct nlmsghdr *message)
{
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	message->nlmsg_flags = NLM_F_MULTI;
	header->nfgen_family = AF_INET;
	put_tuple(message, CTA_TUPLE_ORIG);
	put_tuple(message, CTA_TUPLE_REPLY);
	return message->nlmsg_len;
}

/* Returns how many bytes to send. */
static size_t forge(char *bytes, size_t room, uint32_t sequence)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);

	message->nlmsg_seq = sequence;
	switch (forgery) {
	case END:
		return forge_status(message, NLMSG_DONE, 0);
	case REFUSAL:
		return forge_status(message, NLMSG_ERROR, -EPERM);
	case ACKNOWLEDGMENT:
		return forge_status(message, NLMSG_ERROR, 0);
	case ENTRY:
		return forge_entry(message);
	case LENGTH:
		forge_entry(message);
		message->nlmsg_len = 0xf0000000u;
		return 60000;
	case BYTE:
		return 1;
	case LARGE:
		forge_entry(message);
		return room;
	default:
		return 4096;
	}
}

/* Returns 0, or why the kernel did not take it. */
static int send_forged(int stranger, uint32_t port, uint32_t sequence)
{
	static char bytes[100000];
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = port };
	size_t size = forge(bytes, sizeof(bytes), sequence);

	return sendto(stranger, bytes, size, MSG_DONTWAIT, (const void *)&to, sizeof(to)) < 0 ?
	       errno : 0;
}

static uint32_t port_of(int fd)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	socklen_t size = sizeof(self);

	ck_assert_int_eq(getsockname(fd, (void *)&self, &size), 0);
	return self.nl_pid;
}

/* With large ones, and then with those that fit in between. */
static void fill_queue(int stranger, uint32_t port)
{
	while (!send_forged(stranger, port, 0))
		;
	forgery = BYTE;
	while (!send_forged(stranger, port, 0))
		;
	forgery = FLOOD;
}

/* Ahead of the kernel's answer, with the number that it will have. */
static void intrude(int fd, const struct nlmsghdr *request)
{
	int protocol, stranger;
	socklen_t size = sizeof(protocol);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size), 0);
	stranger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	ck_assert_int_ge(stranger, 0);
	ck_assert_int_eq(send_forged(stranger, port_of(fd), request->nlmsg_seq), 0);
	if (forgery == FLOOD)
		fill_queue(stranger, port_of(fd));
	close(stranger);
}

/* --- between the library and the kernel -------------------------------- */

/* In place of libc's, for the library is linked into this program. */
int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	int result = (int)syscall(SYS_connect, fd, to, size);
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	if (!result && the_door_is_open && to->sa_family == AF_NETLINK)
		return (int)syscall(SYS_connect, fd, &nobody, sizeof(nobody));
	return result;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	if (the_door_is_open && forgery != FORGERIES)
		intrude(fd, data);
	if (requests_get_lost)
		return (ssize_t)size;
	return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

/* --- given, when, then ------------------------------------------------- */

static void given_flows(void)
{
	int fd = netns_socket(HOST, AF_INET, SOCK_DGRAM, 0);
	unsigned int waits = 0;

	must("%s -w -A INPUT -m conntrack --ctstate NEW -j ACCEPT", families[0].tables);
	for (int i = 0; i < FLOWS; i++) {
		const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT + i),
						.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		ck_assert_int_eq(sendto(fd, "", 1, 0, (const void *)&to, sizeof(to)), 1);
	}
	while (conntrack_count() < FLOWS && wait_a_little(&waits))
		;
	ck_assert_uint_eq(conntrack_count(), FLOWS);
	close(fd);
}

static int add_up(const struct notrack_usage *row, void *data)
{
	if (row->port >= PORT && row->port < PORT + FLOWS)
		*(uint64_t *)data += row->count;
	return 0;
}

static int count_flows(struct notrack *nt, uint64_t *count)
{
	struct notrack_usage_request request = { .size = sizeof(request), .by = NOTRACK_BY_PORT };
	struct notrack_conntrack totals = { .size = sizeof(totals) };
	int err;

	*count = 0;
	err = notrack_usage(nt, &request, &totals, add_up, count);
	ck_assert(err || totals.read == *count);
	return err;
}

static int ignore_advice(const struct notrack_advice *advice, void *data)
{
	(void)advice;
	(void)data;
	return 0;
}

static void assert_true_answers(struct notrack *nt)
{
	struct notrack_flushed flushed = { .size = sizeof(flushed) };
	uint64_t count;

	must_do(nt, count_flows(nt, &count));
	ck_assert_uint_eq(count, FLOWS);
	must_do(nt, notrack_advise(nt, NULL, ignore_advice, NULL, NULL));
	must_do(nt, notrack_flush_tracked(nt, &flushed));
	ck_assert_uint_eq(flushed.removed, 1);
	ck_assert_uint_eq(conntrack_count(), FLOWS - 1);
}

/* The flow to PORT is a service's. */
static struct notrack *given_a_service(void)
{
	struct notrack *nt = new_context();

	must_do(nt, notrack_add_service(nt, &(struct notrack_service){
		.size = sizeof(struct notrack_service), .name = "x",
		.ports = format_text("%d", PORT) }));
	return nt;
}

/* --- interfaces ------------------------------------------------------- */

static void given_interfaces(void)
{
	must("ip link add veth0 type veth peer name veth1");
	must("ip link set veth0 up");
	must("ip address add 192.0.2.1/24 dev veth0");
	must("ip address add 198.51.100.1 peer 198.51.100.2 dev veth0");
	must("ip address add 2001:db8::1/64 dev veth0 nodad");
	must("ip address add 2001:db8::9/64 dev veth1 nodad");
}

static int describe_interface(const struct interface *interface, void *data)
{
	char address[INET6_ADDRSTRLEN] = "-";

	if (interface->af)
		inet_ntop(interface->af, interface->address, address, sizeof(address));
	fprintf(data, "%s %s%s\n", interface->name, address, interface->flags & IFF_UP ? " up" : "");
	return 0;
}

/* The same by glibc, for as long as nobody sends it anything. */
static char *interfaces_by_glibc(void)
{
	struct ifaddrs *all;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(getifaddrs(&all), 0);
	for (int pass = 0; pass < 2; pass++)
		for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
			int af = at->ifa_addr->sa_family;
			const void *address = af == AF_INET ?
				(const void *)&((const struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr :
				&((const struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr;

			if (pass == (af != AF_PACKET))
				describe_interface(&(struct interface){ at->ifa_name, at->ifa_flags,
						   pass ? af : 0, address }, out);
		}
	freeifaddrs(all);
	fclose(out);
	return keep(text);
}

static char *interfaces_by_us(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(interfaces_each(describe_interface, out), 0);
	fclose(out);
	return keep(text);
}

static int return_seven(const struct interface *interface, void *data)
{
	(void)interface;
	(void)data;
	return 7;
}

/* FORGERIES: nobody says anything. */
START_TEST(interfaces_are_the_kernels)
{
	char *expected;

	given_interfaces();
	expected = interfaces_by_glibc();
	ck_assert_ptr_nonnull(strstr(expected, "veth0 198.51.100.1 up"));
	the_door_is_open = true;
	forgery = (enum forgery)_i;
	assert_same_text(interfaces_by_us(), expected);
	ck_assert_int_eq(interfaces_each(return_seven, NULL), 7);
}
END_TEST

static int ignore_flow(const struct notrack_flow *flow, void *data)
{
	(void)flow;
	(void)data;
	return 0;
}

/* Sends a byte, over and over, to the port that a process's first socket of NETLINK_ROUTE has. */
static pid_t given_a_sender_of_bytes(void)
{
	uint32_t port = (uint32_t)getpid();
	pid_t pid = fork_child();
	int stranger;

	if (pid)
		return pid;
	stranger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	for (forgery = BYTE;;)
		send_forged(stranger, port, 0);
}

/* glibc ends a process whose netlink socket gets less than a header. */
START_TEST(verify_outlives_a_byte)
{
	struct notrack *nt = given_a_service();
	pid_t sender = given_a_sender_of_bytes();

	must_do(nt, notrack_commit(nt, NULL));
	for (int i = 0; i < 10 * ROUNDS; i++)
		must_do(nt, notrack_verify(nt, NULL, ignore_flow, NULL, NULL));
	stop(sender, SIGKILL);
	notrack_free(nt);
}
END_TEST

/* --- the connection tracking table ------------------------------------ */

START_TEST(what_a_stranger_says_is_not_the_kernels_word)
{
	struct notrack *nt = given_a_service();

	given_flows();
	the_door_is_open = true;
	forgery = (enum forgery)_i;

	assert_true_answers(nt);
	notrack_free(nt);
}
END_TEST

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* The queue is full when the request is sent: the answer is lost, and that is said. */
START_TEST(a_full_queue_is_an_error_soon)
{
	struct notrack *nt = given_a_service();
	time_t begin = seconds();
	uint64_t count;

	given_flows();
	the_door_is_open = true;
	forgery = FLOOD;

	ck_assert_int_eq(count_flows(nt, &count), -EBUSY);
	ck_assert_ptr_nonnull(strstr(notrack_error(nt), "try again"));
	ck_assert_int_lt(seconds() - begin, SECONDS_MAX);
	notrack_free(nt);
}
END_TEST

START_TEST(a_dump_survives_a_full_queue)
{
	struct notrack *nt = given_a_service();

	given_flows();
	the_door_is_open = true;
	forgery = FLOOD;

	must_do(nt, notrack_advise(nt, NULL, ignore_advice, NULL, NULL));
	notrack_free(nt);
}
END_TEST

/* Whoever has a netlink socket of netfilter in this namespace, but for the stranger. */
static void flood_all(int stranger)
{
	FILE *list = fopen("/proc/net/netlink", "re");
	char line[300];

	while (list && fgets(line, sizeof(line), list)) {
		unsigned long socket_address;
		unsigned int port;
		int protocol;

		if (sscanf(line, "%lx %d %u", &socket_address, &protocol, &port) == 3 &&
		    protocol == NETLINK_NETFILTER && port && port != port_of(stranger))
			for (int i = 0; i < 100; i++)
				send_forged(stranger, port, (uint32_t)i);
	}
	if (list)
		fclose(list);
}

static pid_t given_a_flooder(enum forgery what)
{
	pid_t pid = fork_child();
	int stranger;

	if (pid)
		return pid;
	stranger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	for (forgery = what;;)
		flood_all(stranger);
}

START_TEST(beside_a_flooder_all_answers_are_true)
{
	struct notrack *nt = given_a_service();
	uint64_t count;
	pid_t flooder;

	given_flows();
	flooder = given_a_flooder((enum forgery)_i);
	for (int i = 0; i < ROUNDS; i++) {
		must_do(nt, count_flows(nt, &count));
		ck_assert_uint_eq(count, FLOWS);
	}
	assert_true_answers(nt);
	stop(flooder, SIGKILL);
	notrack_free(nt);
}
END_TEST

/* Even if the kernel let him in: an answer, or an error. */
START_TEST(a_flood_does_not_make_answers_wrong)
{
	struct notrack *nt = given_a_service();
	uint64_t count;
	pid_t flooder;

	given_flows();
	flooder = given_a_flooder(FLOOD);
	the_door_is_open = true;
	forgery = FORGERIES;
	for (int i = 0; i < 5; i++) {
		int err = count_flows(nt, &count);

		ck_assert_msg(!err || err == -EBUSY, "%d: %s", err, notrack_error(nt));
		ck_assert_msg(err || count == FLOWS, "%lu flows", (unsigned long)count);
	}
	stop(flooder, SIGKILL);
	notrack_free(nt);
}
END_TEST

/* Neither silence nor a stranger who never stops makes a call wait for ever. */
START_TEST(without_an_answer_a_call_ends_in_time)
{
	struct notrack *nt = given_a_service();
	time_t begin = seconds();
	pid_t flooder = 0;
	uint64_t count;

	given_flows();
	if (_i)
		flooder = given_a_flooder(FLOOD);
	the_door_is_open = requests_get_lost = true;
	forgery = FORGERIES;

	ck_assert_int_eq(count_flows(nt, &count), -EBUSY);
	ck_assert_int_lt(seconds() - begin, SECONDS_MAX);
	if (_i)
		stop(flooder, SIGKILL);
	notrack_free(nt);
}
END_TEST

/* What the rest of this file would not see if it were otherwise. */
START_TEST(the_kernel_refuses_what_strangers_send_us)
{
	struct netlink netlink;
	int stranger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	ck_assert_int_eq(netlink_open(&netlink, NETLINK_NETFILTER), 0);
	for (forgery = END; forgery < FORGERIES; forgery++)
		ck_assert_msg(send_forged(stranger, port_of(netlink.fd), 1) == ECONNREFUSED, "%s",
			      forgery_names[forgery]);
	netlink_close(&netlink);

	the_door_is_open = true;
	ck_assert_int_eq(netlink_open(&netlink, NETLINK_NETFILTER), 0);
	ck_assert_int_eq(send_forged(stranger, port_of(netlink.fd), 1), 0);
	netlink_close(&netlink);
	close(stranger);
}
END_TEST

START_TEST(sequence_numbers_begin_anywhere)
{
	struct netlink one, other;

	ck_assert_int_eq(netlink_open(&one, NETLINK_NETFILTER), 0);
	ck_assert_int_eq(netlink_open(&other, NETLINK_NETFILTER), 0);
	ck_assert_uint_ne(one.sequence, other.sequence);
	ck_assert_uint_gt(one.sequence, 1000);
	one.sequence = UINT32_MAX;
	ck_assert_uint_eq(netlink_next(&one), 1);
	netlink_close(&one);
	netlink_close(&other);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, the_kernel_refuses_what_strangers_send_us);
	tcase_add_test(tcase, sequence_numbers_begin_anywhere);
	tcase_add_loop_test(tcase, interfaces_are_the_kernels, END, FORGERIES + 1);
	tcase_add_test(tcase, verify_outlives_a_byte);
	tcase_add_loop_test(tcase, what_a_stranger_says_is_not_the_kernels_word, END, FLOOD);
	tcase_add_test(tcase, a_full_queue_is_an_error_soon);
	tcase_add_test(tcase, a_dump_survives_a_full_queue);
	tcase_add_loop_test(tcase, beside_a_flooder_all_answers_are_true, END, FORGERIES);
	tcase_add_test(tcase, a_flood_does_not_make_answers_wrong);
	tcase_add_loop_test(tcase, without_an_answer_a_call_ends_in_time, 0, 2);
}

int main(void)
{
	return netns_main("strangers", tests);
}
