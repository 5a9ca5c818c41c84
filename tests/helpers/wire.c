/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run.h"

enum { LINKS = 2, ROOM = 256, SENTINEL_PORT = 9 };

static const char setup[] =
	"link add veth0 address 02:00:00:00:00:01 type veth"
	" peer name end0 address 02:00:00:00:00:02\n"
	"link add veth1 address 02:00:00:00:01:01 type veth"
	" peer name end1 address 02:00:00:00:01:02\n"
	"addr add 192.0.2.1/24 dev veth0\n"
	"addr add 2001:db8::1/64 dev veth0 nodad\n"
	"addr add 203.0.113.1/24 dev veth1\n"
	"addr add 2001:db8:f::1/64 dev veth1 nodad\n"
	"link set veth0 up\n"
	"link set veth1 up\n";

static const char peer_setup[] =
	"link set end0 up\n"
	"link set end1 up\n";

static const char routes[] =
	"neigh replace 192.0.2.254 lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"neigh replace 2001:db8::fe lladdr 02:00:00:00:00:02 dev veth0 nud permanent\n"
	"neigh replace 203.0.113.254 lladdr 02:00:00:00:01:02 dev veth1 nud permanent\n"
	"neigh replace 2001:db8:f::fe lladdr 02:00:00:00:01:02 dev veth1 nud permanent\n"
	"route replace 192.0.2.128/25 via 192.0.2.254 dev veth0 onlink\n"
	"route replace 192.0.2.0/25 via 192.0.2.254 dev veth0 onlink\n"
	"route replace 203.0.113.0/25 via 203.0.113.254 dev veth1 onlink\n"
	"route replace 203.0.113.128/25 via 203.0.113.254 dev veth1 onlink\n"
	"route replace default via 192.0.2.254 dev veth0 onlink\n"
	"route replace 2001:db8::/65 via 2001:db8::fe dev veth0 onlink\n"
	"route replace 2001:db8:f::/65 via 2001:db8:f::fe dev veth1 onlink\n"
	"route replace default via 2001:db8::fe dev veth0 onlink\n";

const uint16_t wire_ports[] = { 53, 80, 1500 };
const uint16_t wire_client_ports[] = { 1030, 1031, 1032, 1033, 1034, 1035, 1036, 1037, 1038, 1039,
				       40000, 40001, 40002, 40003, 40004, 40005 };

static int ends[LINKS];			/* packet sockets at the far ends */
static int in_sockets[4], in_count;	/* what HOST is handed */
static int out_sockets[2];		/* by family: whole packets of HOST's own */
static uint32_t last_number;

static void turn_off(const char *name)
{
	char *path = format_text("/proc/sys/net/%s", name);
	FILE *file = fopen(path, "w");

	ck_assert_msg(file && fputs("0", file) >= 0, "%s", path);
	fclose(file);
}

static void open_end(unsigned int link)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const char name[] = { 'e', 'n', 'd', (char)('0' + link), '\0' };
	int one = 1;

	netns_move_to(PEER);
	ends[link] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	address.sll_ifindex = (int)if_nametoindex(name);
	ck_assert_int_eq(bind(ends[link], (void *)&address, sizeof(address)), 0);
	ck_assert_int_eq(setsockopt(ends[link], SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
				    sizeof(one)), 0);
	netns_move_to(HOST);
}

static int raw_socket(int domain, int protocol)
{
	int fd = netns_socket(HOST, domain, SOCK_RAW, protocol), size = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/*
 * A server that takes no packet: where there was none, the kernel would answer a
 * SYN with a reset, which ends the connection that conntrack is to know of.
 */
static void open_deaf_server(int domain, uint16_t port)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { .len = 1, .filter = &none };
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in address4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool six = domain == AF_INET6;
	int fd = netns_socket(HOST, domain, SOCK_STREAM, 0), one = 1;

	if (six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), 0);
	ck_assert_int_eq(bind(fd, six ? (void *)&address : (void *)&address4,
			      six ? sizeof(address) : sizeof(address4)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
}

static void stay_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void make_peer(void)
{
	netns_add_empty_peer();
	must_as(&(struct how){ .input = setup }, "ip -batch -");
	for (int link = 0; link < LINKS; link++)
		netns_give(format_text("end%d", link));
	must_as(&(struct how){ .where = PEER, .input = peer_setup }, "ip -batch -");
	netns_wait_for_carrier("veth0");
	netns_wait_for_carrier("veth1");
	netns_wait_for_address(HOST, "2001:db8::1");
	netns_wait_for_address(HOST, "2001:db8:f::1");
	must_as(&(struct how){ .input = routes }, "ip -batch -");
}

void wire_begin(void)
{
	static const int domains[] = { AF_INET, AF_INET6 };
	static const int protocols[] = { IPPROTO_UDP, IPPROTO_TCP };
	int one = 1;

	stay_on_one_processor();
	make_peer();
	turn_off("ipv4/conf/all/rp_filter");
	turn_off("ipv4/conf/veth0/rp_filter");
	turn_off("ipv4/conf/veth1/rp_filter");
	for (unsigned int link = 0; link < LINKS; link++)
		open_end(link);
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < sizeof(wire_ports) / sizeof(*wire_ports); j++)
			open_deaf_server(domains[i], wire_ports[j]);
		for (size_t j = 0; j < sizeof(wire_client_ports) / sizeof(*wire_client_ports); j++)
			open_deaf_server(domains[i], wire_client_ports[j]);
		out_sockets[i] = raw_socket(domains[i], IPPROTO_RAW);
		ck_assert_int_eq(setsockopt(out_sockets[i], i ? IPPROTO_IPV6 : IPPROTO_IP,
					    i ? IPV6_HDRINCL : IP_HDRINCL, &one, sizeof(one)), 0);
		for (size_t j = 0; j < 2; j++)
			in_sockets[in_count++] = raw_socket(domains[i], protocols[j]);
	}
}

/* --- packets as bytes ------------------------------------------------- */

static uint32_t sum_bytes(uint32_t sum, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		sum += (uint32_t)at[i] << (i % 2 ? 0 : 8);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/*
 * The number is the payload of UDP, and the sequence number of TCP.  Of an exchange that is
 * sent packet by packet, each acknowledges the one before: see wire_send().
 */
static size_t put_transport(uint8_t *at, const struct wire_packet *packet, uint32_t number)
{
	struct udphdr *udp = (void *)at;
	struct tcphdr *tcp = (void *)at;
	uint32_t acknowledged = htonl(number - 1);

	number = htonl(number);
	if (packet->protocol == IPPROTO_UDP) {
		*udp = (struct udphdr){ .uh_sport = htons(packet->source_port),
					.uh_dport = htons(packet->destination_port),
					.uh_ulen = htons(sizeof(*udp) + sizeof(number)) };
		memcpy(at + sizeof(*udp), &number, sizeof(number));
		return sizeof(*udp) + sizeof(number);
	}
	*tcp = (struct tcphdr){ .th_sport = htons(packet->source_port),
				.th_dport = htons(packet->destination_port),
				.th_seq = number,
				.th_ack = packet->tcp_flags & TH_ACK ? acknowledged : 0,
				.th_off = sizeof(*tcp) / 4,
				.th_flags = packet->tcp_flags, .th_win = htons(1024) };
	return sizeof(*tcp);
}

static void put_checksum(uint8_t *at, const struct wire_packet *packet, size_t size)
{
	size_t bytes = packet->domain == AF_INET ? 4 : 16;
	uint32_t sum = (uint32_t)size + packet->protocol;
	uint16_t folded;

	sum = sum_bytes(sum, &packet->source, bytes);
	sum = sum_bytes(sum, &packet->destination, bytes);
	folded = fold(sum_bytes(sum, at, size));
	memcpy(at + (packet->protocol == IPPROTO_UDP ? offsetof(struct udphdr, uh_sum) :
		     offsetof(struct tcphdr, th_sum)), &folded, sizeof(folded));
}

static const uint8_t extension_numbers[] = {
	[WIRE_HOP_BY_HOP] = IPPROTO_HOPOPTS, [WIRE_ROUTING] = IPPROTO_ROUTING,
	[WIRE_TO_DESTINATION] = IPPROTO_DSTOPTS,
};

/* Eight bytes: options of nothing but padding, or a route that has come to its end. */
static size_t put_extension(uint8_t *at, const struct wire_packet *packet)
{
	const uint8_t padding[] = { packet->protocol, 0, 1, 4, 0, 0, 0, 0 };
	const uint8_t route[] = { packet->protocol, 0, 0, 0, 0, 0, 0, 0 };

	if (packet->domain != AF_INET6 || !packet->extension)
		return 0;
	memcpy(at, packet->extension == WIRE_ROUTING ? route : padding, sizeof(padding));
	return sizeof(padding);
}

static size_t put_network(uint8_t *at, const struct wire_packet *packet, size_t payload)
{
	struct iphdr *ip = (void *)at;
	struct ip6_hdr *ip6 = (void *)at;

	if (packet->domain == AF_INET6) {
		*ip6 = (struct ip6_hdr){ .ip6_src = packet->source, .ip6_dst = packet->destination };
		ip6->ip6_flow = htonl(6u << 28);
		ip6->ip6_plen = htons((uint16_t)payload);
		ip6->ip6_nxt = packet->extension ? extension_numbers[packet->extension] :
						   packet->protocol;
		ip6->ip6_hlim = 64;
		return sizeof(*ip6);
	}
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = packet->protocol,
			      .tot_len = htons((uint16_t)(sizeof(*ip) + payload)) };
	memcpy(&ip->saddr, &packet->source, 4);
	memcpy(&ip->daddr, &packet->destination, 4);
	ip->check = fold(sum_bytes(0, ip, sizeof(*ip)));
	return sizeof(*ip);
}

static size_t put_packet(uint8_t *at, const struct wire_packet *packet, uint32_t number)
{
	uint8_t transport[64], extension[8];
	size_t size = put_transport(transport, packet, number), head;
	const size_t between = put_extension(extension, packet);

	put_checksum(transport, packet, size);
	head = put_network(at, packet, between + size);
	memcpy(at + head, extension, between);
	memcpy(at + head + between, transport, size);
	return head + between + size;
}

/* --- sending ---------------------------------------------------------- */

static unsigned int link_of(const struct wire_packet *packet)
{
	return packet->interface[4] == '1';
}

static void send_in(const struct wire_packet *packet, const uint8_t *bytes, size_t size)
{
	unsigned int link = link_of(packet);
	struct ethhdr head = { .h_dest = { 2, 0, 0, 0, (uint8_t)link, 1 },
			       .h_source = { 2, 0, 0, 0, (uint8_t)link, 2 },
			       .h_proto = htons(packet->domain == AF_INET ? ETH_P_IP : ETH_P_IPV6) };
	uint8_t frame[ROOM];

	if (packet->to_all)
		memset(head.h_dest, 0xff, sizeof(head.h_dest));
	memcpy(frame, &head, sizeof(head));
	memcpy(frame + sizeof(head), bytes, size);
	ck_assert_int_eq(send(ends[link], frame, sizeof(head) + size, 0),
			 (ssize_t)(sizeof(head) + size));
}

/* What OUTPUT drops is an error of the call. */
static void send_out(const struct wire_packet *packet, const uint8_t *bytes, size_t size)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_addr = packet->destination };
	bool six = packet->domain == AF_INET6;

	ck_assert_int_eq(setsockopt(out_sockets[six], SOL_SOCKET, SO_MARK, &packet->mark,
				    sizeof(packet->mark)), 0);
	memcpy(&to4.sin_addr, &packet->destination, 4);
	sendto(out_sockets[six], bytes, size, 0, six ? (void *)&to6 : (void *)&to4,
	       six ? sizeof(to6) : sizeof(to4));
}

static void send_packet(const struct wire_packet *packet, uint32_t number)
{
	uint8_t bytes[ROOM];
	size_t size = put_packet(bytes, packet, number);

	if (packet->way == WIRE_IN)
		send_in(packet, bytes, size);
	else
		send_out(packet, bytes, size);
}

/* --- receiving -------------------------------------------------------- */

/* The number of a packet, from its transport header on; 0: it is none of ours. */
static uint32_t number_of(const uint8_t *at, size_t size, uint8_t protocol)
{
	size_t offset = protocol == IPPROTO_UDP ? sizeof(struct udphdr) :
						  offsetof(struct tcphdr, th_seq);
	uint32_t number;

	if ((protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) || size < offset + sizeof(number))
		return 0;
	memcpy(&number, at + offset, sizeof(number));
	return ntohl(number);
}

/* Of those that wire_send() puts ahead, which have eight bytes each. */
static bool is_extension(uint8_t header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

static uint32_t number_of_ip(const uint8_t *at, size_t size, bool six)
{
	if (size < (six ? sizeof(struct ip6_hdr) : sizeof(struct iphdr)))
		return 0;
	if (six && size > sizeof(struct ip6_hdr) + 8 && is_extension(at[6]))
		return number_of(at + sizeof(struct ip6_hdr) + 8, size - sizeof(struct ip6_hdr) - 8,
				 at[sizeof(struct ip6_hdr)]);
	if (six)
		return number_of(at + sizeof(struct ip6_hdr), size - sizeof(struct ip6_hdr), at[6]);
	return number_of(at + sizeof(struct iphdr), size - sizeof(struct iphdr), at[9]);
}

struct collection {
	uint32_t first, count;
	bool *arrived;
	uint32_t sentinel;
	bool done;
};

static void note(struct collection *collection, uint32_t number)
{
	if (number == collection->sentinel)
		collection->done = true;
	else if (number - collection->first < collection->count)
		collection->arrived[number - collection->first] = true;
}

static void receive_out(struct collection *collection, int fd)
{
	uint8_t bytes[2048];
	ssize_t size;

	while ((size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > (ssize_t)sizeof(struct ethhdr))
		note(collection, number_of_ip(bytes + sizeof(struct ethhdr),
					      (size_t)size - sizeof(struct ethhdr),
					      bytes[12] == 0x86 && bytes[13] == 0xdd));
}

/* IPv4 comes with its header, IPv6 without. */
static void receive_in(struct collection *collection, int index)
{
	uint8_t bytes[2048];
	ssize_t size;

	while ((size = recv(in_sockets[index], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		if (index < 2)
			note(collection, number_of_ip(bytes, (size_t)size, false));
		else
			note(collection, number_of(bytes, (size_t)size,
						   index == 2 ? IPPROTO_UDP : IPPROTO_TCP));
	}
}

static void receive(struct collection *collection, enum way way)
{
	if (way == WIRE_OUT)
		for (unsigned int link = 0; link < LINKS; link++)
			receive_out(collection, ends[link]);
	else
		for (int i = 0; i < in_count; i++)
			receive_in(collection, i);
}

/* One that surely gets there, behind the others of the same link and family. */
static void send_sentinel(const struct wire_packet *like, uint32_t number)
{
	struct wire_packet sentinel = *like;

	sentinel.protocol = IPPROTO_UDP;
	sentinel.source_port = sentinel.destination_port = SENTINEL_PORT;
	sentinel.extension = WIRE_NO_EXTENSION;
	sentinel.to_all = false;
	sentinel.mark = 0;
	send_packet(&sentinel, number);
}

char *wire_text(const struct wire_packet *packet)
{
	static const char *const ways[] = {
		[WIRE_IN] = "in", [WIRE_OUT] = "out", [WIRE_LO] = "back",
	};
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];

	inet_ntop(packet->domain, &packet->source, source, sizeof(source));
	inet_ntop(packet->domain, &packet->destination, destination, sizeof(destination));
	return format_text("%s by %s%s%s, protocol %u flags %#x, %s port %u to %s port %u",
			   ways[packet->way], packet->interface,
			   packet->extension ? " with an extension header" : "",
			   packet->to_all ? " to all" : "", packet->protocol, packet->tcp_flags, source,
			   packet->source_port, destination, packet->destination_port);
}

void wire_send(const struct wire_packet *packets, bool *arrived, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int first = ++last_number, sentinel = ++last_number;
		struct collection collection = { .first = first, .count = 1, .arrived = &arrived[i],
						 .sentinel = sentinel };
		unsigned int waits = 0;

		arrived[i] = false;
		send_packet(&packets[i], collection.first);
		send_sentinel(&packets[i], collection.sentinel);
		do
			receive(&collection, packets[i].way);
		while (!collection.done && wait_a_little(&waits));
		ck_assert_msg(collection.done, "packet %s: one behind it did not arrive",
			      wire_text(&packets[i]));
	}
}
